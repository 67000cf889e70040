import { IconRoute } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'

export const explain: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/explain',
      component: lazyRouteComponent(() => import('./explain-page.tsx'), 'ExplainPage'),
    }),
  ],
  nav: { to: '/explain', label: 'nav.explain', icon: IconRoute, key: 'e', order: 60 },
}
