import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { analyze } from '../../controlplane/config/analysis/analyze.ts'
import { loadConfig } from '../../controlplane/config/load.ts'
import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { readDocuments } from '../../controlplane/sources/index.ts'
import { casesFolder } from '../helpers/cases.ts'

const folder = casesFolder('istio-samples')
interface Sample {
  readonly file: string
  readonly documents: number
  readonly expect: string
}
const samples: readonly Sample[] = folder ? JSON.parse(readFileSync(join(folder, 'expect.json'), 'utf8')) : []

function diagnosticsOf(file: string): { readonly objects: number; readonly diagnostics: readonly Diagnostic[] } {
  const read = readDocuments(file, readFileSync(join(folder!, file)))
  const config = loadConfig({ documents: read.documents, diagnostics: [] })
  return {
    objects: config.objects.size,
    diagnostics: [...read.diagnostics, ...config.diagnostics, ...analyze(config)],
  }
}

/** What the words of an expectation ask of a report, by rule; a sample of the other half is read in the same way. */
const REPORTS: readonly { readonly words: RegExp; readonly codes: readonly string[] }[] = [
  { words: /validation must refuse it/, codes: ['FIELD_REQUIRED'] },
  { words: /LEAST_CONN \(old name\)/, codes: ['FIELD_DEPRECATED'] },
  { words: /websocketUpgrade is an old field/, codes: ['FIELD_DEPRECATED'] },
  { words: /rule is unreachable/, codes: ['ROUTE_UNREACHABLE'] },
  { words: /gateway itself is defined in another file/, codes: ['GATEWAY_NOT_FOUND'] },
  { words: /destination is missing/, codes: ['HOST_NOT_FOUND'] },
  { words: /subset \w+ is not in this file/, codes: ['SUBSET_NOT_FOUND'] },
  { words: /ISTIO_MUTUAL needs workload certificates/, codes: ['MUTUAL_TLS_NO_IDENTITY'] },
  { words: /for the SAME host and gateway are merged/, codes: ['VIRTUAL_SERVICE_MERGED'] },
]

/** Complaints that are about documents that a sample leaves to Kubernetes or to another file. */
const ABOUT_OTHERS = [
  'HOST_NOT_FOUND',
  'SUBSET_NOT_FOUND',
  'GATEWAY_NOT_FOUND',
  'SECRET_NOT_FOUND',
  'SIDECAR_HOST_NOT_FOUND',
]

/** Advice that is right about a sample, and for which its authors had their reasons. */
const ADVICE = [
  'FIELD_DEPRECATED',
  'GATEWAY_SERVER_EMPTY',
  'KIND_IGNORED',
  'KIND_NOT_COMPILED',
  'SUBSET_EMPTY',
  'DESTINATION_RULE_HOST_NOT_FOUND',
  'TLS_NO_VERIFICATION',
]

describe.skipIf(!folder)('reports about the samples of Istio', () => {
  for (const { file, documents, expect: words } of samples) {
    const asked = REPORTS.filter((report) => report.words.test(words))
    const refused = /validation must refuse it/.test(words)

    it(`${file}: ${asked.length > 0 ? asked.flatMap(({ codes }) => codes).join(', ') : 'nothing but what other files hold'}`, () => {
      const { objects, diagnostics } = diagnosticsOf(file)
      const codes = diagnostics.map(({ code }) => code)
      for (const { codes: wanted } of asked) expect(codes).toEqual(expect.arrayContaining([...wanted]))
      const ignored = codes.filter((code) => code === 'KIND_IGNORED').length
      expect(objects).toBe(documents - ignored - (refused ? 1 : 0))
      const expected = new Set([...asked.flatMap((report) => report.codes), ...ABOUT_OTHERS, ...ADVICE])
      expect(diagnostics.filter(({ code }) => !expected.has(code))).toEqual([])
      for (const { line, column, path } of diagnostics) {
        expect(line).toBeGreaterThan(0)
        expect(column).toBeGreaterThan(0)
        expect(path).not.toBe('')
      }
    })
  }

  it('every word about a report is understood', () => {
    const words = samples.map((sample) => sample.expect)
    const reporting = words.filter((text) => /\b(warn|report clearly|refuse it|reported|missing)\b/.test(text))
    for (const text of reporting)
      expect(REPORTS.filter(({ words: rule }) => rule.test(text)).map(() => text)).not.toEqual([])
  })
})
