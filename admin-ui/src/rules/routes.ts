import { IconFileText } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'

const page = { getParentRoute: () => rootRoute } as const

export const rules: Area = {
  routes: [
    createRoute({
      ...page,
      path: '/rules',
      component: lazyRouteComponent(() => import('./rules-page.tsx'), 'RulesPage'),
    }),
    createRoute({
      ...page,
      path: '/rules/new',
      component: lazyRouteComponent(() => import('./new-rule-page.tsx'), 'NewRulePage'),
    }),
    createRoute({
      ...page,
      path: '/rules/import',
      component: lazyRouteComponent(() => import('./import-page.tsx'), 'ImportPage'),
    }),
  ],
  nav: { to: '/rules', label: 'nav.rules', icon: IconFileText, key: 'r', order: 20 },
}
