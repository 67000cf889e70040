import { existsSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import { errorText } from '../../errors/thrown.ts'
import { CommandError, UsageError } from '../errors.ts'
import { printText } from '../output.ts'
import { attempt } from './protocol-input.ts'

/** `meshgate protocol new`: from answers to a document. */
export function newCommand(): Command {
  return new Command('new')
    .summary('start a Protocol document by answering questions')
    .description('Asks about the frame, checks the answers, and writes a document to start from.')
    .option('-f, --file <file>', 'where to write; default: standard output')
    .option(
      '--answers <json>',
      'answers by key instead of questions, such as \'{"name":"mine","length":"u32@0"}\'; keys: ' +
        'name, order, length, counts, max, magic, checksum, suffix, sides, kind, kinds, id, replyId, ordered, fields, status, more, first, connections, error, header',
    )
    .action(async (options: { file?: string; answers?: string }) => {
      // Before the questions, not after the last answer.
      if (options.file !== undefined && existsSync(options.file))
        throw new CommandError(`${options.file} exists already; choose another name`)
      const { newProtocol } = await import('../../codecs/tools/new.ts')
      const { checkProtocol, printIssue } = await import('../../codecs/tools/check.ts')
      const texts = options.answers === undefined ? await ask() : attempt(() => answersOf(options.answers ?? ''))
      const text = attempt(() => newProtocol(texts))
      if (options.file === undefined) printText(text.trimEnd())
      else writeFileSync(options.file, text)
      const { protocols, errors } = checkProtocol(text)
      for (const issue of protocols.flatMap(({ issues }) => issues))
        process.stderr.write(`${printIssue(options.file ?? 'the document', issue)}\n`)
      if (options.file !== undefined)
        process.stderr.write(
          errors > 0
            ? `${options.file} written; the answers do not fit together yet: edit it, then: meshgate protocol check ${options.file}\n`
            : `${options.file} written; try: meshgate protocol decode ${options.file} --hex …\n`,
        )
      if (errors > 0) process.exitCode = 1
    })
}

/** @throws SyntaxError */
function answersOf(json: string): Record<string, string> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new SyntaxError(`--answers is no JSON (${errorText(error)}); write an object, such as {"name":"mine"}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SyntaxError('--answers is a JSON object of answers by key, such as {"name":"mine"}')
  const bad = Object.entries(value).find(([, answer]) => typeof answer !== 'string' && typeof answer !== 'number')
  if (bad) throw new SyntaxError(`--answers: ${bad[0]} must be a text`)
  return Object.fromEntries(Object.entries(value).map(([key, answer]) => [key, String(answer)]))
}

/** Asks every question until its answer is understood. The end of the input takes the defaults. */
async function ask(): Promise<Record<string, string>> {
  const { questions } = await import('../../codecs/tools/questions.ts')
  const terminal = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: process.stdin.isTTY === true,
  })
  const lines = terminal[Symbol.asyncIterator]()
  const answers: Record<string, string> = {}
  for (const { key, ask: question, fallback: usual, wrong, applies } of questions) {
    if (applies?.(answers) === false) continue
    const fallback = usual(answers)
    for (;;) {
      process.stderr.write(`${question}${fallback ? ` [${fallback}]` : ''}: `)
      const { value, done } = await lines.next()
      const answer = done ? fallback : value.trim() || fallback
      const problem = wrong(answer)
      if (!problem) {
        answers[key] = answer
        break
      }
      if (done) throw new UsageError(`${question}: ${problem}`)
      process.stderr.write(`  ${problem}\n`)
    }
  }
  terminal.close()
  return answers
}
