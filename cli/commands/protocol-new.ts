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
    .description(
      "Asks about the frame, checks the answers, and writes a document to start from; with a file also frames as the answers describe them, for 'meshgate protocol test'.",
    )
    .option(
      '-f, --file <file>',
      'where to write, the frames beside it (mine.yaml: mine.vectors.yaml); default: standard output',
    )
    .option(
      '--answers <json>',
      'answers by key instead of questions, such as \'{"name":"mine","length":"u32@0"}\'; keys: ' +
        'name, order, length, counts, opens, escape, max, magic, checksum, suffix, sides, kind, kinds, id, replyId, ordered, fields, status, more, first, connections, error, header',
    )
    .action(async (options: { file?: string; answers?: string }) => {
      const beside = options.file?.replace(/(\.ya?ml|\.json)?$/, '.vectors.yaml')
      // Before the questions, not after the last answer.
      for (const file of [options.file, beside])
        if (file !== undefined && existsSync(file))
          throw new CommandError(`${file} exists already; choose another name`)
      const { newProtocol } = await import('../../codecs/tools/new.ts')
      const { newVectors } = await import('../../codecs/tools/new-vectors.ts')
      const { checkProtocol, printIssue } = await import('../../codecs/tools/check.ts')
      const texts = options.answers === undefined ? await ask() : attempt(() => answersOf(options.answers ?? ''))
      const text = attempt(() => written(() => newProtocol(texts), options.answers === undefined ? texts : undefined))
      if (options.file === undefined) printText(text.trimEnd())
      else writeFileSync(options.file, text)
      const { protocols, errors } = checkProtocol(text)
      for (const issue of protocols.flatMap(({ issues }) => issues))
        process.stderr.write(`${printIssue(options.file ?? 'the document', issue)}\n`)
      const [codec] = protocols.flatMap(({ codec }) => (codec ? [codec] : []))
      const vectors = beside !== undefined && codec && errors === 0 ? newVectors(texts, codec) : undefined
      if (beside !== undefined && vectors !== undefined) writeFileSync(beside, vectors)
      if (options.file !== undefined)
        process.stderr.write(
          errors > 0
            ? `${options.file} written; the answers do not fit together yet: edit it, then: meshgate protocol check ${options.file}\n`
            : vectors === undefined
              ? `${options.file} written; try: meshgate protocol decode ${options.file} --hex …\n`
              : `${options.file} and ${beside} written; try: meshgate protocol test ${options.file} ${beside}, and meshgate protocol decode ${options.file} --hex … with bytes of a real program\n`,
        )
      if (errors > 0) process.exitCode = 1
    })
}

/** What answers make; where they contradict each other who gave them one by one need not give all of them again. @throws SyntaxError */
function written(make: () => string, asked: Record<string, string> | undefined): string {
  try {
    return make()
  } catch (error) {
    if (!asked || !(error instanceof SyntaxError)) throw error
    const said = Object.fromEntries(Object.entries(asked).filter(([, answer]) => answer !== ''))
    throw new SyntaxError(
      `${error.message}\nYour answers, to mend: --answers '${JSON.stringify(said).replaceAll("'", `'\\''`)}'`,
    )
  }
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
