import { stripVTControlCharacters } from 'node:util'
import type { RunnerTask } from 'vitest'

/** What a failed test had before it, from one who saw it: a page, a program, a control plane. */
interface Witness {
  readonly title: string
  tell(): string | Promise<string>
}

/** Those of the test file that runs in this worker. */
const witnesses = new Set<Witness>()

/** Of a file that starts one thing after another the newest. */
const MOST_WITNESSES = 10
/** Most of a story that is printed, characters: the end of it, where it went wrong. */
const LONGEST = 4_000
/** A page that hangs does not answer: ms. */
const PATIENCE_MS = 3_000

/**
 * Has `tell` asked when a test of this file fails, until the returned function is called or the file ends; what it says is added to the
 * error (after-file.ts), so that a report alone is enough to find the cause. Nothing is added where it has nothing to say.
 */
export function tellOnFailure(title: string, tell: Witness['tell']): () => void {
  const witness = { title, tell }
  witnesses.add(witness)
  return () => {
    witnesses.delete(witness)
  }
}

/** Everything of this file has ended. */
export function forgetWitnesses(): void {
  witnesses.clear()
}

/** Adds what all saw to the last error of a test that has failed, or of a file whose hook has. */
export async function accountFor({ result }: Pick<RunnerTask, 'result'>): Promise<void> {
  const error = result?.state === 'fail' ? result.errors?.at(-1) : undefined
  if (!error) return
  const stories = await Promise.all([...witnesses].slice(-MOST_WITNESSES).map(story))
  error.message += stories.filter((one) => one !== '').join('')
}

async function story({ title, tell }: Witness): Promise<string> {
  let late: NodeJS.Timeout | undefined
  const silence = new Promise<string>((resolve) => {
    late = setTimeout(() => resolve(`(it said nothing within ${PATIENCE_MS} ms)`), PATIENCE_MS)
  })
  const said = await Promise.race([Promise.resolve().then(tell), silence]).catch(
    (error: unknown) => `(it cannot tell: ${error instanceof Error ? error.message : String(error)})`,
  )
  clearTimeout(late)
  const text = stripVTControlCharacters(said).trim()
  if (text === '') return ''
  return `\n\n--- ${title}\n${text.length > LONGEST ? `… ${text.slice(-LONGEST)}` : text}`
}
