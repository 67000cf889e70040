import * as z from 'zod'
import type { KindDefinition, ObjectMeta } from '../kind.ts'
import { checked, message, optional, type Report } from '../schema.ts'
import { shown } from '../syntax/host.ts'
import { text } from '../syntax/values.ts'
import { authorizationRule, oneRule } from './authorization-rule.ts'
import { policyTarget, policyTargetRule } from './policy-target.ts'

const authorizationPolicyFields = message({
  ...policyTarget,
  rules: optional(z.array(authorizationRule).max(512), 'Rules, one of which must match; none matches nothing.'),
  action: optional(z.enum(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']), 'What happens when a rule matches.', {
    default: 'ALLOW',
  }),
  provider: optional(message({ name: optional(text, 'Name of the provider.') }), 'Who decides, for the action CUSTOM.'),
})

function authorizationPolicyRule(spec: AuthorizationPolicySpec, report: Report): void {
  policyTargetRule(spec, report)
  const { action = 'ALLOW', rules, provider } = spec
  if ((action === 'CUSTOM' || action === 'DENY') && (rules ?? []).length === 0)
    report(['rules'], `${action} without rules never happens`, {
      code: 'FIELD_REQUIRED',
      hint: 'add an empty rule {} to match every request',
    })
  if (action === 'CUSTOM' && rules !== undefined && !provider?.name)
    report(['provider', 'name'], 'provider.name must not be empty', { code: 'FIELD_REQUIRED' })
  if (action !== 'CUSTOM' && provider) report(['provider'], `provider is for the action CUSTOM, not for ${action}`)
  for (const [index, rule] of (rules ?? []).entries())
    oneRule(rule, action, (path, ...rest) => report(['rules', index, ...path], ...rest))
}

const authorizationPolicySpec = checked(authorizationPolicyFields, authorizationPolicyRule)
type AuthorizationPolicySpec = z.infer<typeof authorizationPolicyFields>

const DRY_RUN = 'istio.io/dry-run'

/** The annotation istio.io/dry-run: a boolean, for ALLOW and DENY. */
function dryRunRule(spec: AuthorizationPolicySpec, { annotations }: ObjectMeta, report: Report): void {
  const value = annotations[DRY_RUN]
  if (value === undefined) return
  const path = ['metadata', 'annotations', DRY_RUN]
  if (spec.action === 'AUDIT' || spec.action === 'CUSTOM')
    report(path, `a dry run is for ALLOW and DENY, not for ${spec.action}`)
  else if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value))
    report(path, `${shown(value)} is neither true nor false`)
}

export const authorizationPolicy: KindDefinition<AuthorizationPolicySpec> = {
  kind: 'AuthorizationPolicy',
  group: 'security.istio.io',
  versions: ['v1', 'v1beta1'],
  doc: 'Who may call what.',
  compiled: false,
  instead: 'nobody is refused by it: refuse in the workload, or in an EnvoyResource with a listener of your own',
  schema: authorizationPolicySpec,
  check: dryRunRule,
}
