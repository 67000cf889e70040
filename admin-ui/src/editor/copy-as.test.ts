import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { asCurl, asKubectl } from './copy-as.ts'

/** What a shell hands to the command, which is replaced by `cat`. */
const handed = (text: string) => execFileSync('sh', ['-c', text.replace(/^.*? <</, 'cat <<')], { encoding: 'utf8' })

it('a shell hands the document on byte for byte, whatever is in it', () => {
  const text = 'a: "$HOME `id` \\n"\nEOF\nb: it\'s\n'
  expect(handed(asKubectl(text))).toBe(text)
})

it('the request to the API carries the file and the base', () => {
  const command = asCurl('http://127.0.0.1:1', 'a.yaml', "x: 'y'\n", 3)
  expect(command).toContain('http://127.0.0.1:1/api/v1/plan')
  expect(JSON.parse(handed(command))).toEqual({ base: 3, changes: [{ file: 'a.yaml', text: "x: 'y'\n" }] })
})
