import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkDocument } from '../../controlplane/config/check.ts'
import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { readDocuments, type SourceDocument } from '../../controlplane/sources/index.ts'
import { casesFolder } from '../helpers/cases.ts'

const folder = casesFolder('istio-crds')
/** Documents whose given answer we do not share, each with the reason. */
const doubtful = JSON.parse(readFileSync(new URL('./istio-crds-doubtful.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, string>
>

type Verdict = 'right' | 'wrong' | 'not supported'

const table = new Map<string, Record<Verdict, number>>()

function count(kind: string, verdict: Verdict): void {
  const row = table.get(kind) ?? { right: 0, wrong: 0, 'not supported': 0 }
  row[verdict]++
  table.set(kind, row)
}

interface Case {
  readonly file: string
  readonly kind: string
  /** Fragment of the message of the Kubernetes API server. */
  readonly fragment: string | undefined
  readonly diagnostics: readonly Diagnostic[]
}

function readCase(path: string, file: string): Case {
  // `_err` is no part of the document; blanking it keeps the lines of the others.
  const text = readFileSync(join(path, file), 'utf8')
  const { documents, diagnostics } = readDocuments(file, Buffer.from(text))
  const value = documents[0]?.value as { kind: string; _err?: string } | undefined
  if (!documents[0] || !value) throw new Error(`${file} cannot be read: ${diagnostics.map(({ message }) => message)}`)
  const { _err: fragment, ...document } = value
  const { id, index, revision } = documents[0]
  const locate: SourceDocument['locate'] = (at, on) => documents[0]!.locate(at, on)
  const checked = checkDocument({ id, file, index, revision, locate, value: document })
  return { file, kind: value.kind, fragment, diagnostics: checked.diagnostics }
}

/** Paths as the API server writes them: `spec.a.b[0]`. */
function pathIn(fragment: string | undefined): string | undefined {
  return fragment?.match(/^spec(?:\.\w+|\[\d+\])+/)?.[0]
}

function errorsOf({ diagnostics }: Case): readonly Diagnostic[] {
  return diagnostics.filter(({ severity }) => severity === 'error')
}

function supported({ diagnostics }: Case): boolean {
  return !diagnostics.some(({ code }) => code === 'KIND_UNKNOWN' || code === 'KIND_IGNORED')
}

describe.skipIf(!folder)('documents of Istio’s own validation tests', () => {
  for (const set of folder ? (['valid', 'invalid'] as const) : []) {
    for (const file of readdirSync(join(folder!, set)).sort()) {
      it(`${set}/${file}`, ({ skip }) => {
        const found = readCase(join(folder!, set), file)
        if (!supported(found)) {
          count(found.kind, 'not supported')
          skip('kind not supported')
        }
        const errors = errorsOf(found)
        const path = pathIn(found.fragment)
        const right =
          set === 'valid'
            ? errors.length === 0
            : path === undefined
              ? errors.length > 0 && errors.every((error) => error.path !== '' && error.line > 0)
              : errors.some(
                  (error) =>
                    error.path === path || error.path.startsWith(`${path}.`) || error.path.startsWith(`${path}[`),
                )
        count(found.kind, right ? 'right' : 'wrong')
        const reason = doubtful[`${set}/${file}`]
        if (reason !== undefined) {
          expect(right, `${file} passes: take it off the list of doubtful cases`).toBe(false)
          return
        }
        expect(
          right,
          `${found.fragment ?? 'no error expected'}\nfound ${JSON.stringify(found.diagnostics, null, 1)}`,
        ).toBe(true)
      })
    }
  }

  afterAll(() => {
    const rows = [...table].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, verdicts]) => ({ kind, ...verdicts }))
    console.table(rows)
  })
})
