import type { ResourceType } from '../../proto/types.ts'
import type { Form } from '../subscription/request.ts'

/** What a method of a discovery service is asked for. */
export interface Method {
  readonly form: Form
  /** Single-type services: requests may leave out their type. */
  readonly type: ResourceType | undefined
}
