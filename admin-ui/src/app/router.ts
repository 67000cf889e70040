import { createRouter, type RouterHistory } from '@tanstack/react-router'
import { rootRoute } from '../parts/area.ts'
import { ErrorPage, NotFoundPage } from './error-pages.tsx'
import { areas } from './routes.ts'
import { Shell } from './shell.tsx'

/** The address holds the state of the view: every search parameter is a string, and empty ones are left out. */
export function makeRouter(history?: RouterHistory) {
  rootRoute.update({ component: Shell })
  return createRouter({
    routeTree: rootRoute.addChildren(areas.flatMap(({ routes }) => [...routes])),
    ...(history ? { history } : {}),
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search: Record<string, unknown>) => {
      const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== '')
      const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
      return text ? `?${text}` : ''
    },
    defaultPreload: 'intent',
    scrollRestoration: true,
    defaultErrorComponent: ErrorPage,
    defaultNotFoundComponent: NotFoundPage,
  })
}
