import { readFile } from 'node:fs/promises'
import { dirname, extname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { asError } from '../errors/thrown.ts'
import type { Codec } from './contract.ts'
import { type CheckedProtocol, checkProtocols } from './document.ts'
import { withParts } from './with-parts.ts'

/** Protocols that come with the package. */
export const shippedProtocols = ['brpc', 'bolt', 'dubbo', 'game', 'mqtt', 'pomelo', 'redis', 'thrift', 'trpc'] as const
export type ShippedProtocol = (typeof shippedProtocols)[number]

/** A protocol could not be loaded; the message holds every reason, one a line, with file and line. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** What a codec module may export: a whole codec, or one made from the layout of the document that names it. */
export interface CodecModule {
  readonly codec?: Codec
  readonly extendCodec?: (layout: Codec) => Codec
}

const here = fileURLToPath(import.meta.url)

/** A file of a shipped protocol. The built package has the documents only; vectors and seeds are beside the sources. */
export function protocolFile(name: ShippedProtocol, file = 'protocol.yaml'): string {
  return resolve(dirname(here), name, file)
}

/** The codec of a shipped protocol. @throws ProtocolError */
export function shippedCodec(name: ShippedProtocol): Promise<Codec> {
  return loadCodec(protocolFile(name))
}

/**
 * Loads a codec from a Protocol document (`.yaml`, with one such document) or from a module (`.js`, `.mjs`; `.ts` where Node takes it) that
 * exports `codec`, or `extendCodec` when there is a layout to add to.
 * @throws ProtocolError
 */
export async function loadCodec(file: string, layout?: Codec): Promise<Codec> {
  if (!/^\.ya?ml$/.test(extname(file))) return moduleCodec(await loadModule(resolve(file)), file, layout)
  const protocols = checkProtocols(await readFile(file, 'utf8').catch((cause: Error) => fail(file, cause)), file)
  const [protocol] = protocols
  if (protocols.length !== 1 || !protocol)
    throw new ProtocolError(`${file}: one Protocol document expected, ${protocols.length} found`)
  return codecOf(protocol, file)
}

/** The codec of a checked document; `file` is what its module path counts from. @throws ProtocolError */
export async function codecOf(protocol: CheckedProtocol, file: string): Promise<Codec> {
  const errors = protocol.issues.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) {
    const text = errors.map(
      ({ line, column, message, hint }) => `${file}:${line}:${column}: ${message}${hint ? ` (${hint})` : ''}`,
    )
    throw new ProtocolError(text.join('\n'))
  }
  const path = protocol.spec?.module
  if (path === undefined) {
    if (!protocol.codec) throw new ProtocolError(`${file}: the document describes no frames`)
    return protocol.codec
  }
  const known = moduleCodec(await loadModule(resolve(dirname(file), path)), `${file}: ${path}`, protocol.codec)
  const codec = withTrace(known, protocol.spec?.trace, file)
  return named(codec, protocol.name)
}

/** A codec whose trace stands in a field that only its module knows. @throws ProtocolError when that does not know it either */
export function withTrace(codec: Codec, name: string | undefined, file: string): Codec {
  if (name === undefined || codec.trace !== undefined) return codec
  const slot = codec.slot(name)
  if (slot < 0) throw new ProtocolError(`${file}: there is no field "${name}" for "trace"`)
  return withParts(codec, { trace: slot })
}

/** The codec by another name. */
export function named(codec: Codec, name: string): Codec {
  return codec.name === name ? codec : withParts(codec, { name })
}

function moduleCodec({ codec, extendCodec }: CodecModule, file: string, layout: Codec | undefined): Codec {
  if (layout && extendCodec) return checked(extendCodec(layout), file)
  if (codec) return checked(codec, file)
  throw new ProtocolError(
    extendCodec
      ? `${file}: "extendCodec" adds to a layout, and there is none: give the Protocol document a "frame"`
      : `${file}: the module exports neither "codec" nor "extendCodec"`,
  )
}

async function loadModule(path: string): Promise<CodecModule> {
  // Shipped documents name their module's source; the built package holds it as .js.
  const isBuilt = here.endsWith('.js') && path.startsWith(dirname(here))
  const target = isBuilt ? path.replace(/\.ts$/, '.js') : path
  try {
    return (await import(pathToFileURL(target).href)) as CodecModule
  } catch (cause) {
    return fail(path, asError(cause))
  }
}

/** A codec from outside must keep the few promises the proxy's safety rests on. */
function checked(codec: Codec, file: string): Codec {
  const wrong = !(Number.isInteger(codec.maxFrame) && codec.maxFrame >= 1 && codec.maxFrame <= 2 ** 30)
    ? `maxFrame must be 1 to ${2 ** 30} bytes, not ${codec.maxFrame}`
    : !(Number.isInteger(codec.headerMin) && codec.headerMin >= 1 && codec.headerMin <= codec.maxFrame)
      ? `headerMin must be 1 to maxFrame bytes, not ${codec.headerMin}`
      : ([codec.slot, codec.frameLength, codec.inspect, codec.read, codec.field] as unknown[]).some(
            (work) => typeof work !== 'function',
          )
        ? 'slot, frameLength, inspect, read and field must be functions'
        : codec.modes.length === 0
          ? 'modes must name one connection mode at least'
          : codec.modes.includes('shared') && !codec.writeId && !codec.spliceId
            ? 'shared connections need writeId or spliceId'
            : undefined
  if (wrong) throw new ProtocolError(`${file}: ${wrong}`)
  if (codec.upstream) checked(withParts(codec.upstream, { modes: codec.modes }), file)
  return codec
}

function fail(file: string, cause: Error): never {
  throw new ProtocolError(`${file}: ${cause.message}`, { cause })
}
