import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { PROGRAM } from '../helpers/compiled.ts'
import { hasConsul, startConsul } from '../helpers/consul.ts'
import { testFolder } from '../helpers/folders.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'

/** The commands of docs/consul.md, in their order, as somebody types them after the page. */

const PAGE = fileURLToPath(new URL('../../docs/consul.md', import.meta.url))
const RULE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec: {hosts: [reviews.service.consul], http: [{route: [{destination: {host: reviews.service.consul}}]}]}
`

it.skipIf(!(await hasConsul()))(
  'every command of the page on Consul does what the page says',
  { timeout: 180_000 },
  async () => {
    const page = await readFile(PAGE, 'utf8')
    const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, text]) => ({
      language,
      text: text!,
    }))
    const consul = await startConsul()
    const cwd = testFolder('test')
    const config = join(cwd, 'config')
    await mkdir(config)
    await writeFile(join(config, 'rules.yaml'), RULE)
    await consul.register({ name: 'reviews', port: 9001 })

    let plane: ServeChild | undefined
    const run = async (words: readonly string[]) => {
      let out = ''
      const api = words[0] === 'sources' ? ['--api', new URL(plane!.apiUrl).host] : []
      const args = [...PROGRAM, ...words, ...api]
      const child = await spawnForTest({
        command: process.execPath,
        args,
        cwd,
        onLine: (line) => {
          out += `${line}\n`
        },
      })
      const { code } = await child.exited
      // Where nothing waits, confirming it is refused: that it works is for faults.test.ts to say.
      const idle = words[1] === 'confirm'
      expect(code, `${words.join(' ')}: ${out}${child.errors()}`).toBe(idle ? 1 : 0)
      return out
    }
    const said: string[] = []
    const lines = blocks.flatMap(({ text }) => text.split('\n')).filter((line) => line.startsWith('npx meshgate '))
    for (const line of lines) {
      const words = line
        .replace(/ #.*/, '')
        .replaceAll('http://127.0.0.1:8500', consul.url)
        .trim()
        .split(/\s+/)
        .slice(2)
      if (words[0] === 'serve') {
        await plane?.process.stop()
        plane = await serveChild(words[1]!, { cwd, args: words.slice(2) })
        said.push('up')
      } else said.push(await run(words))
    }
    const expected = [
      /up/,
      /consul:http.* ok .*\n[\s\S]*should go on serving/,
      /nothing waits to be confirmed/,
      /does not wait to be confirmed/,
      /go on serving/,
    ]
    const copies = [
      /\+ rules\.yaml[\s\S]*nothing was changed/,
      /read back and compared: equal/,
      /up/,
      /compared: equal/,
    ]
    expect(said).toEqual([...expected, ...copies].map((pattern) => expect.stringMatching(pattern)))
    expect(await readdir(join(cwd, 'backup'))).toContain('rules.yaml')
    const states = async () => {
      const { sources } = await plane!.api<{ sources: { name: string; state: string }[] }>('/api/v1/sources')
      return sources.map(({ name, state }) => `${name} ${state}`)
    }
    await expect.poll(states).toEqual([`consul:${consul.url} ok`, `consul:${consul.url}/mesh/prod ok`])

    const documents = blocks.filter(({ language }) => language === 'yaml')
    expect(documents).toHaveLength(1)
    await mkdir(join(cwd, 'mesh'))
    await writeFile(join(cwd, 'mesh/mesh.yaml'), documents[0]!.text)
    expect(await run(['analyze', 'mesh/'])).toContain('0 errors, 0 warnings')
    await plane!.process.stop()
  },
)
