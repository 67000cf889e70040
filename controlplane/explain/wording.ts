/** A text in every language of the pages. */
export interface Wording {
  readonly en: string
  readonly zh: string
}

/** A text that is the same in both: names, addresses. */
export const same = (text: string): Wording => ({ en: text, zh: text })

/** Texts in a row, those that are missing left out. */
export function joined(parts: readonly (Wording | undefined)[], en = ', ', zh = '，'): Wording {
  const said = parts.filter((part) => part !== undefined)
  return { en: said.map((part) => part.en).join(en), zh: said.map((part) => part.zh).join(zh) }
}
