import type { Resource } from '../xds/resource.ts'

/** Where a type's resources come from. */
export interface Source {
  /** What a wildcard subscription gets. */
  names(): readonly string[]
  get(name: string): Resource | undefined
  /** What to keep of a published resource that goes: itself, or what was accepted before if it was refused. */
  keep(published: Resource): Resource | undefined
  /** Nobody asks for the name any more. */
  forget(name: string): void
  /** Nobody asks for other names than these. */
  forgetOthers(wanted: (name: string) => boolean): void
}

/** Names that are asked for and do not exist, in all logs that share the count. */
export interface Missing {
  count: number
}
