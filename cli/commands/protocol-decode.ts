import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { type Codec, codecOfSide, type FrameSide, frameSides } from '../../codecs/contract.ts'
import type { DecodedFrame } from '../../codecs/tools/decode.ts'
import { CommandError, UsageError } from '../errors.ts'
import { outputFormat, printData, printText } from '../output.ts'
import { attempt, load, PROTOCOL_ARGUMENT, read } from './protocol-input.ts'

interface DecodeOptions {
  readonly hex?: string
  readonly pcap?: string
  readonly stdin?: boolean
  readonly port?: string
  readonly from?: string
  readonly proto?: string
  readonly message: readonly string[]
  readonly field?: string
  readonly protoPath: readonly string[]
  readonly output: string
}

/** `meshgate protocol decode`: a dissector. */
export function decodeCommand(): Command {
  return new Command('decode')
    .summary('print frames with the place and value of every field')
    .description(
      'Splits bytes into frames and prints each with offsets, bytes, names and values, ? for bytes that no field has. Exits with 1 when bytes are no frame ' +
        '(a frame that is cut off at the end is none either).',
    )
    .argument('<protocol>', PROTOCOL_ARGUMENT)
    .option('--hex <digits>', 'bytes as hex digits, or a file of them (xxd and hexdump -C are understood)')
    .option('--pcap <file>', 'capture (pcap or pcapng); TCP streams are put together per direction')
    .option('--stdin', 'raw bytes from standard input')
    .option('--port <number>', "with --pcap: only connections with this port, the upstream's")
    .option(
      '--from <side>',
      'client or upstream: who sends the bytes of --hex or --stdin, where the protocol lays them out differently',
    )
    .option('--proto <file>', 'print bodies by a message of this .proto file; needs --message')
    .option(
      '--message <name>',
      'message of the body, such as pkg.Login; for some frames: msgid=100000:pkg.Login, kind=response:pkg.Reply (may be repeated, the first that fits counts)',
      collected,
      [],
    )
    .option(
      '--field <name>',
      'with --proto: field that holds the message (default: the bytes up to the end of the frame)',
    )
    .option('--proto-path <folder>', 'with --proto: where imports are looked for (may be repeated)', collected, [])
    .option('-o, --output <format>', 'text or json', 'text')
    .addHelpText(
      'after',
      '\nExample:\n  meshgate protocol decode game --hex "00000018 4d47 01 00 000186a0 00000007 0000000000000009"',
    )
    .action(async (protocol: string, options: DecodeOptions) => {
      const output = outputFormat(options.output, ['text', 'json'])
      if ([options.hex, options.pcap, options.stdin].filter((one) => one !== undefined).length !== 1) {
        throw new UsageError('give one of --hex, --pcap and --stdin')
      }
      const both = await load(protocol)
      const sideOf = sides(both, options)
      const { decodeFrames, printDecoded } = await import('../../codecs/tools/decode.ts')
      const readers = new Map<Codec, Awaited<ReturnType<typeof bodyReader>>>()
      for (const side of frameSides) {
        const codec = codecOfSide(both, side)
        if (!readers.has(codec)) readers.set(codec, await bodyReader(codec, options))
      }
      const results = []
      for (const { title, bytes, gaps, from } of await inputs(options)) {
        const codec = codecOfSide(both, sideOf(from))
        const bodies = readers.get(codec)
        const plain = decodeFrames(codec, bytes)
        const decoded = bodies ? { ...plain, frames: plain.frames.map((frame) => bodies(frame, bytes)) } : plain
        if (decoded.stopped || decoded.frames.some(isBad)) process.exitCode = 1
        results.push({ title, ...decoded })
        if (output === 'json') continue
        if (title) printText(`── ${title}${gaps > 0 ? ` (the capture lacks bytes in ${gaps} places)` : ''}`)
        printText(`${printDecoded(decoded, bytes, codec.headerMin)}\n`)
      }
      if (output === 'json') await printData(results.map(plainFrames), 'json')
    })
}

const isBad = ({ problem, body, fields }: DecodedFrame) =>
  problem !== undefined || body?.problem !== undefined || fields.some(({ expected }) => expected !== undefined)

/** Who sends the frames of an input, by the address they come from. @throws UsageError when the protocol must know and nobody said */
function sides({ upstream }: Codec, { from, pcap, port }: DecodeOptions): (address: string | undefined) => FrameSide {
  if (from !== undefined && !(frameSides as readonly string[]).includes(from))
    throw new UsageError(`--from ${from} is neither client nor upstream`)
  if (from !== undefined && pcap !== undefined)
    throw new UsageError('--from goes with --hex and --stdin; of a capture --port says which side is the upstream')
  if (pcap !== undefined && upstream && port === undefined)
    throw new UsageError("--port is needed, the upstream's: this protocol lays frames of the two sides out differently")
  return (address) => (address === undefined ? ((from ?? 'client') as FrameSide) : sideOfAddress(address, port))
}

const sideOfAddress = (address: string, port: string | undefined): FrameSide =>
  address.endsWith(`:${port}`) ? 'upstream' : 'client'

const collected = (value: string, before: readonly string[]) => [...before, value]

/** Adds the bodies of frames by a .proto file; undefined when none is asked for. */
async function bodyReader(codec: Codec, { proto, message, field, protoPath }: DecodeOptions) {
  if (proto === undefined) {
    if (message.length > 0 || field !== undefined || protoPath.length > 0)
      throw new UsageError('--message, --field and --proto-path go with --proto')
    return undefined
  }
  if (message.length === 0) throw new UsageError('--proto needs --message: the name of a message of the file')
  const { protoBodies } = await import('../../codecs/proto/body.ts')
  return attempt(() => protoBodies(codec, { file: proto, messages: message, field, folders: protoPath }))
}

/** What `--output json` prints of a stream: bytes in hex. */
function plainFrames<
  Result extends { readonly frames: readonly { readonly fields: readonly { readonly value: unknown }[] }[] },
>(result: Result) {
  return {
    ...result,
    frames: result.frames.map((frame) => ({
      ...frame,
      fields: frame.fields.map((field) => {
        const { info: _, value, expected, ...rest } = field as typeof field & { info?: unknown; expected?: unknown }
        return { ...rest, value: hexOrValue(value), ...(expected !== undefined && { expected: hexOrValue(expected) }) }
      }),
    })),
  }
}

const hexOrValue = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)

interface Input {
  readonly title: string
  readonly bytes: Uint8Array
  readonly gaps: number
  /** The address of who sent them, where it is known. */
  readonly from?: string
}

async function inputs({ hex, pcap, port }: DecodeOptions): Promise<readonly Input[]> {
  if (hex !== undefined) {
    const { parseHex } = await import('../../codecs/tools/decode.ts')
    if (existsSync(hex)) return [{ title: '', bytes: attempt(() => parseHex(read(hex).toString('utf8'))), gaps: 0 }]
    // A dump that was pasted has blanks, and letters of all kinds behind its digits.
    if (/^\S*[g-wyz]\S*$/i.test(hex))
      throw new CommandError(`--hex: "${hex}" is neither hex digits nor a file that is there`)
    return [{ title: '', bytes: attempt(() => parseHex(hex)), gaps: 0 }]
  }
  if (pcap === undefined) {
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    return [{ title: '', bytes: Buffer.concat(chunks), gaps: 0 }]
  }
  if (port !== undefined && !/^\d+$/.test(port)) throw new UsageError(`--port ${port} is no port number`)
  const { readPcap } = await import('../../codecs/tools/pcap.ts')
  const flows = attempt(() => readPcap(read(pcap))).filter(
    ({ from, to }) => port === undefined || from.endsWith(`:${port}`) || to.endsWith(`:${port}`),
  )
  if (flows.length === 0)
    throw new CommandError(`${pcap} holds no TCP payload${port === undefined ? '' : ` of port ${port}`}`)
  return flows.map(({ from, to, bytes, gaps }) => ({ title: `${from} → ${to}`, bytes, gaps: gaps.length, from }))
}
