import { IconFileText } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { Area } from '../app/area.ts'
import { rootRoute } from '../app/root.ts'
import { Basket } from '../change/basket.tsx'

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
    createRoute({
      ...page,
      path: '/rules/$kind/$namespace/$name/edit',
      component: lazyRouteComponent(() => import('../editor/rule-editor-page.tsx'), 'RuleEditorPage'),
    }),
    createRoute({
      ...page,
      path: '/changes/new',
      component: lazyRouteComponent(() => import('../change/review-page.tsx'), 'ReviewPage'),
    }),
  ],
  nav: { to: '/rules', label: 'nav.rules', icon: IconFileText, key: 'r', order: 20 },
  header: Basket,
}
