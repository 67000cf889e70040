import type { Path } from '../../yaml/index.ts'
import { HttpRule } from './http-rule.tsx'
import type { Layout } from './object-form.tsx'
import { PolicyEditor } from './policy-editor.tsx'
import { RuleList } from './rule-list.tsx'
import { SplitEditor } from './split-editor.tsx'

/** Layouts made by hand, by kind and place (`[]` is any item); everything else is made of the schema. */
const LAYOUTS: Readonly<Record<string, Layout>> = {
  'VirtualService spec.http': RuleList,
  'VirtualService spec.http[]': HttpRule,
  'VirtualService spec.tcp[].route': SplitEditor,
  'VirtualService spec.tls[].route': SplitEditor,
  'DestinationRule spec.trafficPolicy': PolicyEditor,
  'DestinationRule spec.trafficPolicy.portLevelSettings[]': PolicyEditor,
  'DestinationRule spec.subsets[].trafficPolicy': PolicyEditor,
  'DestinationRule spec.subsets[].trafficPolicy.portLevelSettings[]': PolicyEditor,
  'MsgRouter spec.route': SplitEditor,
  'MsgRouter spec.routes': RuleList,
  'MsgRouter spec.routes[].route': SplitEditor,
  'MetaRouter spec.routes': RuleList,
  'MetaRouter spec.routes[].route': SplitEditor,
}

export function layoutOf(kind: string, path: Path): Layout | undefined {
  return LAYOUTS[placeOf(kind, path)]
}

/** What a kind is for: shown before anything is written there. */
const ALWAYS: ReadonlySet<string> = new Set(['VirtualService spec.http', 'DestinationRule spec.trafficPolicy'])

export function isAlwaysShown(kind: string, path: Path): boolean {
  return ALWAYS.has(placeOf(kind, path))
}

function placeOf(kind: string, path: Path): string {
  const place = path.map((step) => (typeof step === 'number' ? '[]' : `.${step}`)).join('')
  return `${kind} ${place.slice(1)}`
}
