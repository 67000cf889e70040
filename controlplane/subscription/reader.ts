import type { ResourceType } from '../../proto/types.ts'
import type { Form } from './request.ts'
import type { TypeState } from './type-state.ts'

/** A client of the class; what is behind every client is forgotten. */
export interface Reader {
  /** The same over reconnects. */
  readonly id: string
  readonly form: Form
  /** How far it is in one type; undefined when it does not ask for the type. */
  place(type: ResourceType): TypeState | undefined
  /** Whether it was told a part of what is published, and the rest waits for its answer; false once it keeps the others waiting too long. */
  readonly amid: boolean
}
