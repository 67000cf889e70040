import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import { type Codec, codecOfSide, type FrameSide, frameSides } from '../../codecs/contract.ts'
import type { DecodedFrame } from '../../codecs/tools/decode.ts'
import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { errorText } from '../../errors/thrown.ts'
import { CommandError, UsageError } from '../errors.ts'
import { counted, outputFormat, printData, printText } from '../output.ts'
import { complaintLines } from './analyze.ts'

/** `meshgate protocol check|decode|test|new`: writing and trying a private protocol. */
export function protocolCommand(): Command {
  const group = new Command('protocol')
    .summary('write, check and try a private protocol')
    .description('Protocol documents describe a private binary protocol to the proxy. See docs/protocols.md.')
  for (const command of [checkCommand(), decodeCommand(), testCommand(), newCommand()]) group.addCommand(command)
  return group
}

const protocolArgument = 'Protocol document, codec module (.js), or the name of a protocol that comes with meshgate'

function checkCommand(): Command {
  return new Command('check')
    .summary('check Protocol documents')
    .description(
      'Checks every Protocol document in a YAML file and lists what its codec can do. Exits with 1 when there are errors.',
    )
    .argument('<file>', 'YAML file')
    .option('-o, --output <format>', 'text or json', 'text')
    .action(async (file: string, options: { output: string }) => {
      const output = outputFormat(options.output, ['text', 'json'])
      const { checkProtocol, printIssue, printSummary } = await import('../../codecs/tools/check.ts')
      const { protocols, errors } = checkProtocol(read(file).toString('utf8'), file)
      if (output === 'json') {
        await printData(
          protocols.map(({ name, issues }) => ({ name, issues })),
          'json',
        )
      } else {
        const complaints = await complaintsOf(file)
        // The same lines as of "analyze"; what only the codec has to say comes as it is.
        const issues = complaints.length > 0 ? [] : protocols.flatMap((protocol) => protocol.issues)
        for (const line of complaints.flatMap(complaintLines)) printText(line)
        for (const issue of issues) printText(printIssue(file, issue))
        for (const { codec } of protocols) if (codec) printText(printSummary(codec))
        const all = [...complaints, ...issues].map(({ severity }) => severity)
        const count = (of: string) => all.filter((severity) => severity === of).length
        if (all.length > 0) printText(`${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}`)
        if (all.includes('error')) process.exitCode = 1
      }
      if (errors > 0) process.exitCode = 1
    })
}

/** What analysis has against the Protocol documents of a file. */
async function complaintsOf(file: string): Promise<readonly Diagnostic[]> {
  const [{ readOnce }, { checkSnapshot }] = await Promise.all([
    import('./read-once.ts'),
    import('../../controlplane/admin/analyze.ts'),
  ])
  const snapshot = await readOnce([file])
  const documents = snapshot.documents.filter(
    ({ value }) => (value as { readonly kind?: unknown } | null)?.kind === 'Protocol',
  )
  return checkSnapshot({ ...snapshot, documents }).diagnostics
}

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

function decodeCommand(): Command {
  return new Command('decode')
    .summary('print frames with the place and value of every field')
    .description(
      'Splits bytes into frames and prints each with offsets, bytes, names and values, ? for bytes that no field has. Exits with 1 when bytes are no frame ' +
        '(a frame that is cut off at the end is none either).',
    )
    .argument('<protocol>', protocolArgument)
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
    const text = existsSync(hex) ? read(hex).toString('utf8') : hex
    return [{ title: '', bytes: attempt(() => parseHex(text)), gaps: 0 }]
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

function testCommand(): Command {
  return new Command('test')
    .summary('compare a protocol with known bytes')
    .description(
      'Decodes the vectors of a file (see codecs/game/vectors.yaml), whole and cut at every byte. Exits with 1 on a difference.',
    )
    .argument('<protocol>', protocolArgument)
    .argument('<vectors>', 'YAML file of vectors')
    .option('-o, --output <format>', 'text or json', 'text')
    .action(async (protocol: string, file: string, options: { output: string }) => {
      const output = outputFormat(options.output, ['text', 'json'])
      const codec = await load(protocol)
      const { parseVectors, runVectors } = await import('../../codecs/tools/vectors.ts')
      const results = runVectors(
        codec,
        attempt(() => parseVectors(read(file).toString('utf8'))),
      )
      const failed = results.filter(({ failures }) => failures.length > 0).length
      if (output === 'json') {
        const vectors = results.map(({ name, failures }) => ({ name, failures }))
        await printData({ vectors, summary: { vectors: results.length, failed } }, 'json')
      } else {
        for (const { name, failures } of results) {
          printText(`${failures.length === 0 ? 'ok  ' : 'FAIL'} ${name}`)
          for (const failure of failures) printText(`       ${failure}`)
        }
        printText(`${results.length - failed} of ${results.length} vectors as expected`)
      }
      if (failed > 0) process.exitCode = 1
    })
}

function newCommand(): Command {
  return new Command('new')
    .summary('start a Protocol document by answering questions')
    .description('Asks about the frame, checks the answers, and writes a document to start from.')
    .option('-f, --file <file>', 'where to write; default: standard output')
    .option(
      '--answers <json>',
      'answers by key instead of questions, such as \'{"name":"mine","length":"u32@0"}\'; keys: ' +
        'name, order, length, counts, max, magic, checksum, suffix, sides, kind, kinds, id, replyId, ordered, fields, status, more, first, connections, error, header',
    )
    .action(async (options: { file?: string; answers?: string }) => {
      // Before the questions, not after the last answer.
      if (options.file !== undefined && existsSync(options.file))
        throw new CommandError(`${options.file} exists already; choose another name`)
      const { newProtocol } = await import('../../codecs/tools/new.ts')
      const { checkProtocol, printIssue } = await import('../../codecs/tools/check.ts')
      const texts = options.answers === undefined ? await ask() : attempt(() => answersOf(options.answers ?? ''))
      const text = attempt(() => newProtocol(texts))
      if (options.file === undefined) printText(text.trimEnd())
      else writeFileSync(options.file, text)
      const { protocols, errors } = checkProtocol(text)
      for (const issue of protocols.flatMap(({ issues }) => issues))
        process.stderr.write(`${printIssue(options.file ?? 'the document', issue)}\n`)
      if (options.file !== undefined)
        process.stderr.write(
          errors > 0
            ? `${options.file} written; the answers do not fit together yet: edit it, then: meshgate protocol check ${options.file}\n`
            : `${options.file} written; try: meshgate protocol decode ${options.file} --hex …\n`,
        )
      if (errors > 0) process.exitCode = 1
    })
}

/** @throws SyntaxError */
function answersOf(json: string): Record<string, string> {
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SyntaxError('--answers is a JSON object of answers by key, such as {"name":"mine"}')
  const bad = Object.entries(value).find(([, answer]) => typeof answer !== 'string' && typeof answer !== 'number')
  if (bad) throw new SyntaxError(`--answers: ${bad[0]} must be a text`)
  return Object.fromEntries(Object.entries(value).map(([key, answer]) => [key, String(answer)]))
}

/** Asks every question until its answer is understood. The end of the input takes the defaults. */
async function ask(): Promise<Record<string, string>> {
  const { questions } = await import('../../codecs/tools/questions.ts')
  const terminal = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: process.stdin.isTTY === true,
  })
  const lines = terminal[Symbol.asyncIterator]()
  const answers: Record<string, string> = {}
  for (const { key, ask: question, fallback: usual, wrong, applies } of questions) {
    if (applies?.(answers) === false) continue
    const fallback = usual(answers)
    for (;;) {
      process.stderr.write(`${question}${fallback ? ` [${fallback}]` : ''}: `)
      const { value, done } = await lines.next()
      const answer = done ? fallback : value.trim() || fallback
      const problem = wrong(answer)
      if (!problem) {
        answers[key] = answer
        break
      }
      if (done) throw new UsageError(`${question}: ${problem}`)
      process.stderr.write(`  ${problem}\n`)
    }
  }
  terminal.close()
  return answers
}

/** A codec by file or by name. @throws CommandError */
async function load(protocol: string): Promise<Codec> {
  const { loadCodec, ProtocolError, shippedCodec, shippedProtocols } = await import('../../codecs/load.ts')
  const shipped = shippedProtocols.find((name) => name === protocol)
  if (!shipped && !existsSync(protocol)) {
    throw new CommandError(`there is no file ${protocol}, and no protocol of that name: ${shippedProtocols.join(', ')}`)
  }
  try {
    return shipped && !existsSync(protocol) ? await shippedCodec(shipped) : await loadCodec(protocol)
  } catch (error) {
    throw error instanceof ProtocolError ? new CommandError(error.message) : error
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${errorText(error)}`)
  }
}

/** Failures of reading and parsing are the user's to see in one line. */
function attempt<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw new CommandError(errorText(error))
  }
}
