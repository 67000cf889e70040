import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Rooms and what each may read. Dependencies point one way; a room knows the room it reads from and nothing behind it.
 * Only the command line and tests know everything.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  proto: [],
  errors: [],
  files: [],
  certificates: [],
  sockets: [],
  codecs: [],
  'admin-ui': [],
  // A page knows what pages share and the way of a change, no other page and not the shell, which knows them all.
  'admin-ui/src/yaml': [],
  'admin-ui/src/api': [],
  'admin-ui/src/i18n': [],
  'admin-ui/src/parts': ['admin-ui/src/api', 'admin-ui/src/i18n'],
  'admin-ui/src/forms': ['admin-ui/src/yaml'],
  'admin-ui/src/change': [
    'admin-ui/src/api',
    'admin-ui/src/forms',
    'admin-ui/src/i18n',
    'admin-ui/src/parts',
    'admin-ui/src/yaml',
  ],
  'admin-ui/src/editor': [
    'admin-ui/src/api',
    'admin-ui/src/change',
    'admin-ui/src/forms',
    'admin-ui/src/i18n',
    'admin-ui/src/parts',
    'admin-ui/src/yaml',
  ],
  'admin-ui/src/overview': ['admin-ui/src/api', 'admin-ui/src/parts'],
  'admin-ui/src/services': ['admin-ui/src/api', 'admin-ui/src/change', 'admin-ui/src/parts'],
  'admin-ui/src/rules': [
    'admin-ui/src/api',
    'admin-ui/src/change',
    'admin-ui/src/forms',
    'admin-ui/src/i18n',
    'admin-ui/src/parts',
    'admin-ui/src/yaml',
  ],
  'admin-ui/src/history': ['admin-ui/src/api', 'admin-ui/src/change', 'admin-ui/src/i18n', 'admin-ui/src/parts'],
  'admin-ui/src/proxies': ['admin-ui/src/api', 'admin-ui/src/i18n', 'admin-ui/src/parts'],
  'admin-ui/src/topology': ['admin-ui/src/api', 'admin-ui/src/parts'],
  'admin-ui/src/explain': ['admin-ui/src/api', 'admin-ui/src/parts'],
  'admin-ui/src/settings': ['admin-ui/src/api', 'admin-ui/src/parts'],
  'controlplane/diagnostics': [],
  'controlplane/sources': ['controlplane/diagnostics', 'controlplane/sources/plain-yaml/read.ts'],
  'controlplane/sources/plain-yaml': [],
  'controlplane/config': ['controlplane/diagnostics', 'controlplane/sources', 'certificates', 'proto', 'codecs'],
  'controlplane/model': ['controlplane/config', 'controlplane/sources'],
  // Its index names what the two rooms below make of it.
  'controlplane/consul': [],
  'controlplane/consul/index.ts': ['controlplane/consul'],
  'controlplane/consul/registry': [
    'controlplane/consul/contact.ts',
    'controlplane/consul/http.ts',
    'controlplane/consul/rights.ts',
    'controlplane/consul/settings.ts',
    'controlplane/consul/watch.ts',
    'controlplane/model',
    'files',
  ],
  'controlplane/consul/store': [
    'controlplane/consul/contact.ts',
    'controlplane/consul/http.ts',
    'controlplane/consul/kv.ts',
    'controlplane/consul/lock.ts',
    'controlplane/consul/session.ts',
    'controlplane/consul/watch.ts',
    'controlplane/sources',
    'controlplane/ledger',
    'controlplane/shared',
    'files',
  ],
  'controlplane/ledger': ['controlplane/sources', 'files'],
  'controlplane/xds': [
    'controlplane/model',
    'controlplane/config',
    'controlplane/bootstrap/envoy.ts',
    'controlplane/bootstrap/grpc.ts',
    'controlplane/bootstrap/node-id.ts',
    'controlplane/diagnostics',
    'proto',
  ],
  'controlplane/subscription': ['controlplane/xds/resource.ts', 'proto'],
  'controlplane/status': [
    'controlplane/subscription',
    'controlplane/xds/resource.ts',
    'controlplane/bootstrap/node-id.ts',
    'controlplane/diagnostics',
    'proto',
  ],
  'controlplane/http2': ['sockets'],
  'controlplane/ads': [
    'certificates',
    'controlplane/http2/index.ts',
    'controlplane/subscription',
    'controlplane/status',
    'controlplane/xds/resource.ts',
    'controlplane/bootstrap/node-id.ts',
    'controlplane/diagnostics',
    'proto',
  ],
  'controlplane/reports': [
    'controlplane/ads/index.ts',
    'controlplane/bootstrap/envoy.ts',
    'controlplane/bootstrap/node-id.ts',
    'controlplane/figures/latency.ts',
    'controlplane/figures/latency-steps.ts',
    'controlplane/status/index.ts',
    'controlplane/subscription/wire.ts',
    'controlplane/xds/resource.ts',
    'controlplane/xds/dump.ts',
    'controlplane/xds/envoy-resources.ts',
    'controlplane/xds/names.ts',
    'proto',
  ],
  'controlplane/ondemand': [
    'controlplane/subscription/on-demand.ts',
    'controlplane/xds/resource.ts',
    'controlplane/xds/names.ts',
    'controlplane/model/cells.ts',
    'controlplane/bootstrap/node-id.ts',
    'files',
  ],
  'controlplane/shared': [],
  'controlplane/ratelimit': [
    'controlplane/ads/index.ts',
    'controlplane/config',
    'controlplane/shared/redis.ts',
    'controlplane/shared/redis-slot.ts',
    'proto',
  ],
  'controlplane/figures': [],
  'controlplane/bootstrap': ['proto'],
  'controlplane/explain': ['controlplane/xds', 'controlplane/model', 'controlplane/config', 'proto'],
  'controlplane/admin': ['controlplane', 'certificates', 'proto'],
  // Shows what a codec makes of bytes.
  'controlplane/admin/decode-frames.ts': ['codecs'],
  // Shows where Envoy and the proxy put a key.
  'controlplane/admin/policies/maglev-preview.ts': ['dataplane/cluster/balance'],
  // The writer of YAML is pure, and the same on both sides.
  'controlplane/admin/changes/expiry.ts': ['controlplane', 'admin-ui/src/yaml'],
  'controlplane/mesh.ts': ['controlplane/xds', 'controlplane/model', 'controlplane/config', 'proto'],
  dataplane: ['codecs', 'proto', 'files', 'sockets', 'certificates'],
  cli: ['controlplane', 'codecs', 'dataplane', 'proto', 'certificates'],
  'cli/processes': [],
  'cli/tools': ['cli/processes'],
  'cli/run': [
    'certificates',
    'cli/errors.ts',
    'cli/output.ts',
    'cli/package-file.ts',
    'cli/processes',
    'cli/tools',
    'controlplane',
    'dataplane',
    'files',
  ],
  'cli/options': ['cli/run/control-plane-options.ts', 'cli/run/log-options.ts', 'cli/errors.ts', 'controlplane'],
  'cli/commands': ['cli', 'controlplane', 'codecs', 'proto'],
  bench: ['controlplane', 'codecs', 'dataplane', 'proto', 'sockets', 'cli', 'test'],
  docs: ['controlplane', 'codecs', 'proto', 'cli'],
}

/** Knows nothing, and any room may use it but the admin UI, which is no program of Node. */
const COMMON = 'errors'

const NOT_OURS = new Set(['node_modules', 'dist', 'gen', 'coverage', 'build', 'test'])

function sources(folder = ''): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) || entry.name.startsWith('.') ? [] : sources(path)
    return /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name) ? [path] : []
  })
}

/** Tests and their helpers included. */
function everything(folder = ''): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return ['node_modules', 'dist', 'gen'].includes(entry.name) || entry.name.startsWith('.') ? [] : everything(path)
    return /\.tsx?$/.test(entry.name) ? [path] : []
  })
}

function roomOf(file: string): string | undefined {
  return Object.keys(ROOMS)
    .filter((room) => file === room || file.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0]
}

function imports(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    normalize(join(dirname(file), match[1]!)),
  )
}

/** Imports of a file that are there when it runs: all but those of types alone. */
function runtimeImports(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'/gm)].map((match) =>
    normalize(join(dirname(file), match[1]!)),
  )
}

/** Sets of files each of which reaches all others of its set (Tarjan's strongly connected components, those of more than one file). */
function circles(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const found: string[][] = []
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const path: string[] = []
  const visit = (file: string): void => {
    order.set(file, order.size)
    lowest.set(file, order.get(file)!)
    path.push(file)
    for (const target of edges.get(file) ?? []) {
      if (!order.has(target)) visit(target)
      if (path.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!))
    }
    if (lowest.get(file) !== order.get(file)) return
    const circle = path.splice(path.indexOf(file))
    if (circle.length > 1) found.push(circle.sort())
  }
  for (const file of edges.keys()) if (!order.has(file)) visit(file)
  return found
}

describe('rooms', () => {
  it('no file needs itself by way of others: a circle is one thing in several files', () => {
    expect(
      circles(
        new Map([
          ['a', ['b']],
          ['b', ['c', 'd']],
          ['c', ['a']],
          ['d', []],
        ]),
      ),
    ).toEqual([['a', 'b', 'c']])
    const edges = new Map(sources().map((file) => [file, runtimeImports(file)]))
    expect([...edges.values()].flat().length).toBeGreaterThan(500)
    expect(circles(edges)).toEqual([])
  })

  it('nor does one know another that knows it: what two share has a file of its own. The objects of the message engine hold each other', () => {
    const known = circles(new Map(sources().map((file) => [file, imports(file)])))
    const engine = known.filter((circle) => circle.includes('dataplane/engine.ts'))
    expect(engine.flat().filter((file) => !file.startsWith('dataplane/'))).toEqual([])
    expect(known.filter((circle) => !engine.includes(circle))).toEqual([])
  })

  it('each file imports only from its own room and from rooms it may read', () => {
    const wrong = sources().flatMap((file) => {
      const room = roomOf(file)
      if (!room) return []
      const allowed = [room, ...ROOMS[room]!, ...(room.startsWith('admin-ui') ? [] : [COMMON])]
      return imports(file)
        .filter((target) => !allowed.some((entry) => target === entry || target.startsWith(`${entry}/`)))
        .filter((target) => !(/fixture|example/.test(file) && target.startsWith('test/')))
        .map((target) => `${file} → ${target}`)
    })
    expect(wrong).toEqual([])
    expect(sources().length).toBeGreaterThan(200)
  })

  it('each room and each file named for it is there: an entry for what was moved away forbids and allows nothing', () => {
    const named = Object.entries(ROOMS).flatMap(([room, may]) => [room, ...may])
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  it('what no other file uses is not exported: who reads a room sees what others rely on', () => {
    const files = everything().map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
    const users = new Map<string, Set<string>>()
    for (const { file, text } of files)
      for (const [word] of text.matchAll(/[A-Za-z_$][\w$]*/g)) users.set(word, (users.get(word) ?? new Set()).add(file))
    const looked = files.filter(({ file }) =>
      ['controlplane', 'dataplane', 'codecs', 'certificates', 'cli', 'errors', 'files', 'sockets'].includes(
        file.split('/')[0]!,
      ),
    )
    const unused = looked.flatMap(({ file, text }) =>
      [...text.matchAll(/^export (?:async )?(?:abstract )?(?:function|const|class) (\w+)/gm)]
        .map(([, name]) => name!)
        .filter((name) => users.get(name)!.size === 1)
        .map((name) => `${file}: ${name}`),
    )
    expect(unused).toEqual([])
    expect(looked.length).toBeGreaterThan(400)
  })

  it('signals are made in one file: of those made elsewhere nobody would know which resources they change', () => {
    const users = sources().filter((file) => readFileSync(join(root, file), 'utf8').includes("'@preact/signals-core'"))
    expect(users).toEqual(['controlplane/model/cells.ts'])
  })

  it('what Node does not promise of its sockets is known in one room: a Node that changed it is met in one place', () => {
    const users = sources().filter((file) =>
      /_handle\b|\bprocess\.binding\b|stream_wrap/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(users.map(dirname)).toEqual(['sockets', 'sockets'])
  })

  it('every room of the control plane has a README, and a row in the picture of them all', () => {
    const rooms = readdirSync(join(root, 'controlplane'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
    const rows = [...readFileSync(join(root, 'docs/architecture.md'), 'utf8').matchAll(/^\| `(\w+)\/` \|/gm)].map(
      (row) => row[1]!,
    )
    expect(rows.sort()).toEqual(rooms.sort())
    expect(rooms.filter((room) => !existsSync(join(root, 'controlplane', room, 'README.md')))).toEqual([])
  })
})
