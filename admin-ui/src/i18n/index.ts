import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import type { Dictionary } from './dictionary.ts'

export const LANGUAGES = ['en', 'zh'] as const
export type Language = (typeof LANGUAGES)[number]

const KEY = 'meshgate-language'

type Loaded = { readonly [name in Language]?: Dictionary } & {
  /** What codes mean, in languages the API does not speak. */
  readonly problems?: Readonly<Record<string, string>>
}

/** Each language is a chunk of its own: only the one in use is loaded. */
const LOAD: Readonly<Record<Language, () => Promise<Loaded>>> = {
  en: () => import('./en/index.ts'),
  zh: () => import('./zh/index.ts'),
}

export async function startLanguage(): Promise<void> {
  await i18next.use(initReactI18next).init({
    resources: {},
    lng: 'none',
    fallbackLng: false,
    defaultNS: 'common',
    keySeparator: false,
    // React escapes.
    interpolation: { escapeValue: false },
    returnNull: false,
    showSupportNotice: false,
  } as Parameters<typeof i18next.init>[0])
  await setLanguage(storedLanguage())
}

export async function setLanguage(language: Language): Promise<void> {
  const { [language]: dictionary, problems } = await LOAD[language]()
  for (const [area, texts] of Object.entries(dictionary!)) i18next.addResourceBundle(language, area, texts)
  if (problems) i18next.addResourceBundle(language, 'problems', problems)
  await i18next.changeLanguage(language)
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  try {
    localStorage.setItem(KEY, language)
  } catch {
    // Without storage the choice holds until the page is left.
  }
}

export function currentLanguage(): Language {
  return i18next.language === 'zh' ? 'zh' : 'en'
}

function storedLanguage(): Language {
  try {
    const stored = localStorage.getItem(KEY)
    if (stored === 'en' || stored === 'zh') return stored
  } catch {
    // As if nothing were stored.
  }
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}
