/**
 * Lengths in bits of the codes of all 256 bytes and of the end of a string (https://www.rfc-editor.org/rfc/rfc7541#appendix-B),
 * a character each, from `5` on. The code is canonical, so the lengths say everything.
 */
const LENGTHS = [
  [13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  [28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  [6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  [5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  [13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  [7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  [15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  [6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  [20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  [24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  [22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  [21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  [26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  [19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  [20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  [26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
].flat()
const END = 256
const END_LENGTH = 30

/** Two words for each node of the tree: where 0 and 1 lead. Below 0: the byte `-1 - word`. 0: nowhere yet. */
const tree: number[] = [0, 0]

for (const [symbol, length, code] of codes()) {
  let node = 0
  for (let bit = length - 1; bit > 0; bit--) {
    const at = node * 2 + ((code >>> bit) & 1)
    if (!tree[at]) {
      tree[at] = tree.length / 2
      tree.push(0, 0)
    }
    node = tree[at]!
  }
  tree[node * 2 + (code & 1)] = -1 - symbol
}

const steps = Int32Array.from(tree)

/** The codes in their order: shorter first, those of one length by symbol. */
function codes(): readonly (readonly [symbol: number, length: number, code: number])[] {
  const symbols = [...LENGTHS, END_LENGTH].map((length, symbol) => [symbol, length] as const)
  symbols.sort(([one, short], [other, long]) => short - long || one - other)
  let code = 0
  let before = symbols[0]![1]
  return symbols.map(([symbol, length]) => {
    code *= 2 ** (length - before)
    before = length
    return [symbol, length, code++]
  })
}

/** Where texts are put together; a header field is never longer. */
const text = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * The text (Latin-1, as Node gives header values) behind `bytes[start..end)`.
 * @returns undefined where the bytes are no valid code, or the text is longer than 64 KiB
 * @see https://www.rfc-editor.org/rfc/rfc7541#section-5.2
 */
export function readHuffman(bytes: Buffer, start: number, end: number): string | undefined {
  let length = 0
  let node = 0
  let depth = 0
  let ones = true
  for (let index = start; index < end; index++) {
    const byte = bytes[index]!
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >>> bit) & 1
      const next = steps[node * 2 + one]!
      if (next >= 0) {
        node = next
        depth++
        ones &&= one === 1
        continue
      }
      const symbol = -1 - next
      if (symbol === END || length === text.length) return undefined
      text[length++] = symbol
      node = 0
      depth = 0
      ones = true
    }
  }
  // What is left is the beginning of the end's code, less than a byte.
  if (depth > 7 || !ones) return undefined
  return text.toString('latin1', 0, length)
}
