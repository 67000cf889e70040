import { setFlagsFromString } from 'node:v8'

/**
 * Bytes of bytecode that V8 inlines into one function in all; its default is 920, with which the way of a message, many small functions in one line, is
 * compiled in pieces that call one another. More than some 4,000 brought nothing (docs/decisions/message-proxy-speed.md).
 */
export const inliningFlag = '--max-inlined-bytecode-size-cumulative=4000'

let asked = false

/**
 * Has V8 compile the way of a message in larger pieces. It counts for the whole process, for what is optimized from now on. A V8 without this flag says so on
 * standard error and goes on.
 * @see https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */
export function inlineMore(): void {
  if (asked) return
  asked = true
  setFlagsFromString(inliningFlag)
}
