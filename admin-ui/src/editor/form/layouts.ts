import { FieldCards, VariantCards } from './cards.tsx'
import { HttpRule } from './http-rule.tsx'
import type { Layouts } from './layout-context.ts'
import { PolicyEditor } from './policy-editor.tsx'
import { RuleList } from './rule-list.tsx'
import { SplitEditor } from './split-editor.tsx'

/** Layouts made by hand, by kind and place (`[]` is any item); everything else is made of the schema. */
export const LAYOUTS: Layouts = {
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
  'Protocol spec.fields': FieldCards,
  'Protocol spec.variants': VariantCards,
  'Protocol spec.variants[].fields': FieldCards,
}
