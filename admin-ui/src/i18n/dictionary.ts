import type { en } from './en/index.ts'

type Texts<Area> = { readonly [Key in keyof Area as Key extends `${string}_one` ? never : Key]: string }
/** The same areas and keys as English has, for every other language. Chinese has one plural form, `_other`. */
export type Dictionary = { readonly [Area in keyof typeof en]: Texts<(typeof en)[Area]> }
