import { isDeepStrictEqual } from 'node:util'
import type { Codec } from '../codecs/contract.ts'
import { checkDocument, checkProtocols } from '../codecs/document.ts'
import {
  codecOf,
  loadCodec,
  named,
  type ShippedProtocol,
  shippedCodec,
  shippedProtocols,
  withTrace,
} from '../codecs/load.ts'
import { errorText } from '../errors/thrown.ts'
import type { Configuration, ProtocolSource } from './configuration.ts'
import { guarded } from './guarded-codec.ts'

/** Compiles codecs, and keeps those whose source did not change: connections hang on the very object. */
export class Protocols {
  #compiled = new Map<string, { readonly source: ProtocolSource; readonly codec: Codec }>()

  /** Codecs by name. What cannot be compiled is reported; the codec it had before stays. */
  async compile(
    sources: readonly ProtocolSource[],
    problems: { push(problem: { kind: 'protocol'; name: string; message: string }): unknown },
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
        problems.push({ kind: 'protocol', name: source.name, message: errorText(error) })
        if (old) next.set(source.name, old)
      }
    }
    this.#compiled = next
    return new Map([...next].map(([name, { codec }]) => [name, codec]))
  }
}

/** The configuration with codecs in code where it asks for them. @param files path of each module, by protocol, on this machine */
export function withLocalCodecs(configuration: Configuration, files: ReadonlyMap<string, string>): Configuration {
  const protocols = configuration.protocols.map((source) => {
    const file = source.local && files.get(source.name)
    if (!file) return source
    const { local: _, ...rest } = source
    return { ...rest, file }
  })
  return { ...configuration, protocols }
}

/** @throws ProtocolError, or an error that says what is wrong with the source. */
async function compileProtocolSource(source: ProtocolSource): Promise<Codec> {
  const { name, shipped, layout, document, file, local } = source
  if (local)
    throw new Error(
      `this proxy has no codec for "${name}": start it with --codec ${name}=FILE, the module that exports it`,
    )
  if (shipped !== undefined) {
    if (!(shippedProtocols as readonly string[]).includes(shipped)) {
      throw new Error(`no protocol "${shipped}" comes with the package; there are ${shippedProtocols.join(', ')}`)
    }
    return shippedCodec(shipped as ShippedProtocol)
  }
  if (file !== undefined) {
    const base = layout === undefined ? undefined : compileLayout(name, layout)
    const trace = (layout as { readonly trace?: string } | undefined)?.trace
    return guarded(named(withTrace(await loadCodec(file, base), trace, file), name))
  }
  if (document !== undefined) {
    const protocols = checkProtocols(document)
    const [protocol] = protocols
    if (protocols.length !== 1 || !protocol) {
      throw new Error(`one Protocol document expected, ${protocols.length} found`)
    }
    const codec = await codecOf(protocol, name)
    return protocol.spec?.module === undefined ? codec : guarded(codec)
  }
  if (layout === undefined) throw new Error('the protocol has neither shipped, layout, document nor file')
  return compileLayout(name, layout)
}

/** @throws Error with everything that is wrong. */
function compileLayout(name: string, layout: unknown): Codec {
  const checked = checkDocument({ apiVersion: 'meshgate.io/v1', kind: 'Protocol', metadata: { name }, spec: layout })
  const errors = checked.issues.filter(({ severity }) => severity === 'error')
  if (errors.length > 0 || !checked.codec) {
    throw new Error(
      errors.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n') || 'the layout describes no frames',
    )
  }
  return checked.codec
}
