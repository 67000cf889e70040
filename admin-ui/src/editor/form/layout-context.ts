import { type ComponentType, createContext, useContext } from 'react'
import type { FieldSchema } from '../../forms/schema.ts'
import type { Path } from '../../yaml/index.ts'
import { useForm } from './form-context.tsx'

export interface LayoutProps {
  readonly path: Path
  readonly schema: FieldSchema
  readonly value: unknown
}
export type Layout = ComponentType<LayoutProps>

/** Layouts by kind and place, `VirtualService spec.http[]`; `[]` is any item. */
export type Layouts = Readonly<Record<string, Layout>>

// Layouts hold forms of objects, and those hold layouts: forms get them from around them and need no import of them.
const context = createContext<Layouts>({})
export const LayoutProvider = context.Provider

/** Finds the layout made by hand for a place of the document; undefined where the schema alone makes the form. */
export function useLayoutOf(): (path: Path) => Layout | undefined {
  const layouts = useContext(context)
  const { kind } = useForm()
  return (path) => layouts[placeOf(kind, path)]
}

/** What a kind is for: shown before anything is written there. */
const ALWAYS: ReadonlySet<string> = new Set(['VirtualService spec.http', 'DestinationRule spec.trafficPolicy'])

/** Whether a form shows a place also where nothing is written in it. */
export function isAlwaysShown(kind: string, path: Path): boolean {
  return ALWAYS.has(placeOf(kind, path))
}

function placeOf(kind: string, path: Path): string {
  const place = path.map((step) => (typeof step === 'number' ? '[]' : `.${step}`)).join('')
  return `${kind} ${place.slice(1)}`
}
