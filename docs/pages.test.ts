import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { analyzeYaml } from '../test/helpers/config-documents.ts'
import { pageFile } from './generate.ts'

/** The YAML of a page, all blocks as one file. */
const documentsOf = (page: string) =>
  [...readFileSync(pageFile(page), 'utf8').matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text!).join('---\n')

it.each(['aeraki.md', 'consul-connect.md'])('%s: what it says to write can be written so', (page) => {
  const yaml = documentsOf(page)
  expect(yaml).toMatch(/^kind: \w/m)
  const said = analyzeYaml(yaml).map(({ code, path, message }) => `${code} ${path}: ${message}`)
  // Labels of a proxy stand in its node, which no document declares.
  expect(said.filter((one) => !one.startsWith('SELECTOR_EMPTY spec.workloadSelector: no declared workload'))).toEqual(
    [],
  )
})
