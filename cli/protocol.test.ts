import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { protocolCommand } from './protocol.ts'

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

  test('decode as JSON: bytes in hex, 64-bit integers as text', async () => {
    const { out } = await run('decode', 'game', '--hex', request, '-o', 'json')
    const [{ frames }] = JSON.parse(out)
    expect(frames[0].fields.map(({ value }: { value: unknown }) => value)).toContain('68656c6c6f')
    expect(frames[0].id).toBe('7')
  })

  test('decode of broken bytes exits with 1', async () => {
    const { out, code } = await run('decode', 'game', '--hex', 'ffffffff4d48')
    expect(out).toContain('badMagic')
    expect(code).toBe(1)
  })

  test('a file that is not there is named', async () => {
    await expect(run('check', join(folder, 'none.yaml'))).rejects.toThrow(/^cannot read .*none\.yaml: ENOENT/)
  })

  test('new writes a document that check accepts', async () => {
    const file = join(folder, 'mine.yaml')
    expect((await run('new', '-f', file, '--answers', '{"name":"mine","id":"u32@8"}')).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toContain('metadata: {name: mine}')
    const { out, code } = await run('check', file)
    expect(out).toContain('mine: frames of 12 to 1048576 bytes')
    expect(code).toBe(0)
    await expect(run('new', '-f', file, '--answers', '{}')).rejects.toThrow(/exists already/)
  })

  test('check names file, line and column', async () => {
    const file = join(folder, 'bad.yaml')
    writeFileSync(
      file,
      'apiVersion: meshgate.io/v1\nkind: Protocol\nmetadata: {name: bad}\nspec:\n  frame: {length: {at: 0, type: u99, counts: all}}\n  message: {kind: request}\n',
    )
    const { out, code } = await run('check', file)
    expect(out).toContain(`${file}:5:33: error: there is no type "u99" (at spec.frame.length.type)`)
    expect(code).toBe(1)
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
