import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { checkSnapshot } from '../../controlplane/admin/analyze.ts'
import { complaintLines } from './analyze.ts'
import { protocolCommand } from './protocol.ts'
import { readOnce } from './read-once.ts'

const folder = mkdtempSync(join(tmpdir(), 'protocol-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

/** What a command line prints and the exit code it leaves. */
async function run(...args: string[]): Promise<{ readonly out: string; readonly code: number }> {
  let out = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  await protocolCommand().parseAsync(args, { from: 'user' })
  const code = Number(process.exitCode ?? 0)
  return { out, code }
}

const request = '0000001d4d470100000186a000000007000000000000000968656c6c6f'

describe('meshgate protocol', () => {
  test('decode prints a frame by the name of a shipped protocol', async () => {
    const { out, code } = await run('decode', 'game', '--hex', request)
    expect(out).toContain('8..12    000186a0          msgid  100000')
    expect(code).toBe(0)
  })

  test('decode tells a file that is not there from digits that are none', async () => {
    await expect(run('decode', 'game', '--hex', 'none.txt')).rejects.toThrow('neither hex digits nor a file')
    await expect(run('decode', 'game', '--hex', '0000001 4d47')).rejects.toThrow('one is missing')
    const dump =
      '00000000: 0000 001d 4d47 0100 0001 86a0 0000 0007  ....MG..........\n00000010: 0000 0000 0000 0009 6865 6c6c 6f         ........hello'
    expect((await run('decode', 'game', '--hex', dump)).out).toContain('msgid  100000')
  })

  test('decode as JSON: bytes in hex, 64-bit integers as text', async () => {
    const { out } = await run('decode', 'game', '--hex', request, '-o', 'json')
    const [{ frames }] = JSON.parse(out)
    expect(frames[0].fields.map(({ value }: { value: unknown }) => value)).toContain('68656c6c6f')
    expect(frames[0].id).toBe('7')
  })

  test('decode reads bytes of the side that is said, and says when it must know', async () => {
    const kafka = new URL('../../examples/protocols/kafka.yaml', import.meta.url).pathname
    const answer = '00000010000000010023000000010012' + '00000003'
    const { out, code } = await run('decode', kafka, '--from', 'upstream', '--hex', answer)
    expect(out).toContain('@0 20 bytes  response id 1')
    expect(code).toBe(0)
    expect((await run('decode', kafka, '--hex', answer)).out).not.toContain('response')
    await expect(run('decode', kafka, '--from', 'server', '--hex', answer)).rejects.toThrow(
      '--from server is neither client nor upstream',
    )
    await expect(run('decode', kafka, '--pcap', 'any.pcap')).rejects.toThrow('--port is needed')
    expect((await run('check', kafka)).out).toContain('from the upstream (8 to 104857600 bytes):')
  })

  test('decode prints bodies by a .proto file, a message for each kind of frame', async () => {
    mkdirSync(join(folder, 'shared'), { recursive: true })
    writeFileSync(
      join(folder, 'user.proto'),
      'syntax = "proto3";\npackage pkg;\nimport "google/protobuf/duration.proto";\nimport "common.proto";\n' +
        'message Login { string user = 1; uint64 uid = 2; Kind kind = 3; google.protobuf.Duration stay = 4; bytes key = 5; }\n',
    )
    writeFileSync(
      join(folder, 'shared/common.proto'),
      'syntax = "proto3";\npackage pkg;\nenum Kind { NONE = 0; GUEST = 1; }\n',
    )
    const body = '0a03616e6e10ffffffffffffffffff0118012202080a2a020102'
    const frame = `${(24 + body.length / 2).toString(16).padStart(8, '0')}4d470100000186a0000000070000000000000009${body}`
    const proto = ['--proto', join(folder, 'user.proto'), '--proto-path', join(folder, 'shared')]
    const value = { user: 'ann', uid: '18446744073709551615', kind: 'GUEST', stay: { seconds: '10' }, key: '0102' }

    const { out, code } = await run('decode', 'game', '--hex', frame, ...proto, '--message', 'Login', '-o', 'json')
    expect(code).toBe(0)
    const { body: found } = JSON.parse(out)[0].frames[0]
    expect(found).toEqual({ start: 24, end: 50, message: 'pkg.Login', value })
    expect((await run('decode', 'game', '--hex', frame, ...proto, '--message', 'Login')).out).toMatch(
      /24\.\.50 +pkg\.Login \{\n +"user": "ann"/,
    )
    const choice = ['--message', 'msgid=1:google.protobuf.Duration', '--message', 'kind=request:pkg.Login']
    expect((await run('decode', 'game', '--hex', frame, ...proto, ...choice, '--field', 'body')).out).toContain(
      'pkg.Login {',
    )
    const other = ['--message', 'msgid=1:pkg.Login']
    expect((await run('decode', 'game', '--hex', frame, ...proto, ...other)).out).not.toContain('pkg.Login')
    const wrong = await run(
      'decode',
      'game',
      '--hex',
      `0000001a${frame.slice(8, 48)}08ff`,
      ...proto,
      '--message',
      'Login',
    )
    expect(wrong.out).toMatch(/24\.\.26 +pkg\.Login: PROBLEM /)
    expect(wrong.code).toBe(1)
  })

  test('decode: what is wrong with the .proto file or the names is said with its place', async () => {
    const bad = join(folder, 'bad.proto')
    writeFileSync(bad, 'syntax = "proto3";\nmessage A {\n  strin x = 1\n}\n')
    const decode = (...args: string[]) => run('decode', 'game', '--hex', request, ...args)
    await expect(decode('--proto', bad, '--message', 'A')).rejects.toThrow(/bad\.proto:4: illegal token '\}'/)
    const good = join(folder, 'good.proto')
    writeFileSync(good, 'syntax = "proto3";\npackage a.b;\nmessage Login { string user = 1; }\n')
    await expect(decode('--proto', good, '--message', 'Logon')).rejects.toThrow(
      /no message "Logon"; known here: a\.b\.Login/,
    )
    await expect(decode('--proto', good, '--message', 'Login', '--field', 'bod')).rejects.toThrow(
      /no field "bod"; did you mean "body"/,
    )
    await expect(decode('--proto', good)).rejects.toThrow(/needs --message/)
    await expect(decode('--message', 'Login')).rejects.toThrow(/go with --proto/)
    await expect(decode('--proto', join(folder, 'none.proto'), '--message', 'A')).rejects.toThrow(
      /there is no file .*none\.proto/,
    )
  })

  test('decode of broken bytes exits with 1', async () => {
    const { out, code } = await run('decode', 'game', '--hex', 'ffffffff4d48')
    expect(out).toContain('badMagic')
    expect(code).toBe(1)
  })

  test('decode of a frame with another checksum than the document makes exits with 1 and says which', async () => {
    const file = join(folder, 'summed.yaml')
    await run(
      'new',
      '-f',
      file,
      '--answers',
      '{"name":"summed","counts":"rest+1","checksum":"sum8","fields":"body=bytes@5"}',
    )
    const right = await run('decode', file, '--hex', '00000002 01 68 6b')
    expect([right.out.includes('checksum 1 bytes 6b\n'), right.code]).toEqual([true, 0])
    const wrong = await run('decode', file, '--hex', '00000002 01 68 d1', '-o', 'json')
    expect([JSON.parse(wrong.out)[0].frames[0].fields.at(-1).expected, wrong.code]).toEqual(['6b', 1])
  })

  test('new names the keys of its answers', async () => {
    const { questions } = await import('../../codecs/tools/questions.ts')
    const [option] = protocolCommand()
      .commands.find((command) => command.name() === 'new')!
      .options.filter(({ long }) => long === '--answers')
    expect(option!.description.split('keys: ')[1]?.split(', ')).toEqual(questions.map(({ key }) => key))
  })

  test('a file that is not there is named', async () => {
    await expect(run('check', join(folder, 'none.yaml'))).rejects.toThrow(
      /^cannot read .*none\.yaml: there is nothing at this path/,
    )
  })

  test('check takes the name of a protocol that comes with meshgate', async () => {
    for (const [name, field] of [
      ['thrift', 'method'],
      ['redis', 'command'],
    ] as const) {
      const { out, code } = await run('check', name)
      expect([out.includes(field), code], out).toEqual([true, 0])
    }
  })

  test('new writes a document that check accepts', async () => {
    const file = join(folder, 'mine.yaml')
    expect((await run('new', '-f', file, '--answers', '{"name":"mine","id":"u32@8"}')).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toContain('metadata: {name: mine}')
    const { out, code } = await run('check', file)
    expect(out).toContain('mine: frames of 12 to 1048576 bytes')
    expect(code).toBe(0)
    await expect(run('new', '-f', file, '--answers', '{}')).rejects.toThrow(/mine\.yaml exists already/)
  })

  test('new writes frames beside the document, which pass, and which analyze passes over', async () => {
    const file = join(folder, 'framed.yaml')
    const answers = {
      name: 'framed',
      length: String.raw`until(\xc0)`,
      opens: '0xc0',
      escape: 'slip',
      kind: 'u8@0',
      id: 'u16@1',
    }
    expect((await run('new', '-f', file, '--answers', JSON.stringify(answers))).code).toBe(0)
    const beside = join(folder, 'framed.vectors.yaml')
    const { out, code } = await run('test', file, beside)
    expect([out.trim().split('\n').at(-1), code]).toEqual(['2 of 2 vectors as expected', 0])
    expect(checkSnapshot(await readOnce([file, beside])).diagnostics).toEqual([])
    rmSync(file)
    await expect(run('new', '-f', file, '--answers', '{}')).rejects.toThrow(/framed\.vectors\.yaml exists already/)
  })

  test('check names file, line and column', async () => {
    const file = join(folder, 'bad.yaml')
    writeFileSync(
      file,
      'apiVersion: meshgate.io/v1\nkind: Protocol\nmetadata: {name: bad}\nspec:\n  frame: {length: {at: 0, type: u99, counts: all}}\n  message: {kind: request}\n',
    )
    const { out, code } = await run('check', file)
    expect(out).toContain(`${file}:5:33: error FIELD_VALUE: there is no type "u99" (at spec.frame.length.type)`)
    expect(code).toBe(1)
  })

  test('check and analyze say the same of a document, and a field nobody knows keeps no protocol from working', async () => {
    const file = join(folder, 'unknown.yaml')
    expect((await run('new', '-f', file, '--answers', '{"name":"unknown","id":"u32@8"}')).code).toBe(0)
    writeFileSync(file, `${readFileSync(file, 'utf8').trimEnd()}\n  conections: [shared]\n`)
    const { out, code } = await run('check', file)
    const { diagnostics } = checkSnapshot(await readOnce([file]))
    expect(diagnostics.map(({ code, severity }) => `${severity} ${code}`)).toEqual(['warning FIELD_UNKNOWN'])
    for (const line of diagnostics.flatMap(complaintLines)) expect(out).toContain(`${line}\n`)
    expect(out).toContain('unknown: frames of 12 to 1048576 bytes')
    expect(out).toContain('0 errors, 1 warning')
    expect(code).toBe(0)
  })

  test('test runs vectors and exits with 1 on a difference', async () => {
    const file = join(folder, 'vectors.yaml')
    writeFileSync(file, `protocol: game\nvectors: [{name: one, hex: "${request}", frames: [{kind: response}]}]`)
    const { out, code } = await run('test', 'game', file)
    expect(out).toContain('FAIL one\n       frame 0 kind: "request", expected "response"\n0 of 1 vectors as expected')
    expect(code).toBe(1)
  })

  test('a protocol that is not there is said so', async () => {
    await expect(run('decode', 'nothing', '--hex', '00')).rejects.toThrow(
      /no file nothing, and no protocol of that name: .*game/,
    )
    await expect(run('decode', 'game')).rejects.toThrow(/one of --hex, --pcap and --stdin/)
  })
})
