import { isDeepStrictEqual } from 'node:util'
import type { Codec } from '../codecs/contract.ts'
import { checkDocument, checkProtocols } from '../codecs/document.ts'
import { codecOf, loadCodec, type ShippedProtocol, shippedCodec, shippedProtocols } from '../codecs/load.ts'
import type { ProtocolSource } from './configuration.ts'

/** Compiles codecs, and keeps those whose source did not change: connections hang on the very object. */
export class Protocols {
  #compiled = new Map<string, { readonly source: ProtocolSource; readonly codec: Codec }>()

  /** Codecs by name. What cannot be compiled is reported; the codec it had before stays. */
  async compile(
    sources: readonly ProtocolSource[],
    problems: { kind: 'protocol'; name: string; message: string }[] | { push(problem: never): unknown },
  ): Promise<ReadonlyMap<string, Codec>> {
    const next = new Map<string, { readonly source: ProtocolSource; readonly codec: Codec }>()
    for (const source of sources) {
      const old = this.#compiled.get(source.name)
      if (old && isDeepStrictEqual(old.source, source)) {
        next.set(source.name, old)
        continue
      }
      try {
        next.set(source.name, { source, codec: await compileProtocolSource(source) })
      } catch (error) {
        problems.push({ kind: 'protocol', name: source.name, message: (error as Error).message } as never)
        if (old) next.set(source.name, old)
      }
    }
    this.#compiled = next
    return new Map([...next].map(([name, { codec }]) => [name, codec]))
  }
}

/** @throws ProtocolError, or an error that says what is wrong with the source. */
export async function compileProtocolSource(source: ProtocolSource): Promise<Codec> {
  const { name, shipped, layout, document, file } = source
  if (shipped !== undefined) {
    if (!(shippedProtocols as readonly string[]).includes(shipped)) {
      throw new Error(`no protocol "${shipped}" comes with the package; there are ${shippedProtocols.join(', ')}`)
    }
    return shippedCodec(shipped as ShippedProtocol)
  }
  if (file !== undefined) return loadCodec(file)
  if (document !== undefined) {
    const protocols = checkProtocols(document)
    const [protocol] = protocols
    if (protocols.length !== 1 || !protocol) {
      throw new Error(`one Protocol document expected, ${protocols.length} found`)
    }
    return codecOf(protocol, name)
  }
  if (layout === undefined) throw new Error('the protocol has neither shipped, layout, document nor file')
  const checked = checkDocument({ apiVersion: 'meshgate.io/v1', kind: 'Protocol', metadata: { name }, spec: layout })
  const errors = checked.issues.filter(({ severity }) => severity === 'error')
  if (errors.length > 0 || !checked.codec) {
    throw new Error(
      errors.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n') || 'the layout describes no frames',
    )
  }
  return checked.codec
}
