import { fieldNames, protocolStart } from '../../forms/protocol.ts'
import type { Path } from '../../yaml/index.ts'
import { useForm } from './form-context.tsx'

/** What a field begins with when it is added; undefined where the least that its schema allows will do. */
export function useStart(): (path: Path) => unknown {
  const { kind, value } = useForm()
  return (path) => (kind === 'Protocol' ? protocolStart(path, fieldNames(value)) : undefined)
}
