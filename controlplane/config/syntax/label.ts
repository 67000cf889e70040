import { shown } from './host.ts'

const DNS = '[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?'
const QUALIFIED = '[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?'
const NAME = new RegExp(`^${QUALIFIED}$`)
const PREFIX = new RegExp(`^${DNS}(?:\\.${DNS})*$`)
const MAX_NAME = 63
const MAX_PREFIX = 253

/** A label key as Kubernetes has it: `[prefix/]name`. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/')
  const prefix = slash < 0 ? undefined : key.slice(0, slash)
  const name = key.slice(slash + 1)
  if (prefix !== undefined && (prefix.length > MAX_PREFIX || !PREFIX.test(prefix)))
    return `${shown(key)} is no label key: the part before / must be a domain name of at most ${MAX_PREFIX} characters`
  if (name.length > MAX_NAME) return `${shown(key)} is no label key: the name is longer than ${MAX_NAME} characters`
  return NAME.test(name) ? undefined : `${shown(key)} is no label key`
}

/** A label value: empty, or letters, digits, `-`, `_`, `.`, starting and ending with a letter or digit. */
export function labelValueProblem(value: string): string | undefined {
  return value === '' || (value.length <= 4096 && NAME.test(value)) ? undefined : `${shown(value)} is no label value`
}

/** Problems of a label map, each with its key. */
export function labelProblems(labels: Readonly<Record<string, string>>): readonly { key: string; message: string }[] {
  const problems: { key: string; message: string }[] = []
  for (const [key, value] of Object.entries(labels)) {
    const message = labelKeyProblem(key) ?? labelValueProblem(value)
    if (message) problems.push({ key, message })
  }
  return problems
}
