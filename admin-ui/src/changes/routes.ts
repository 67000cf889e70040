import { IconHistory } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { Area } from '../app/area.ts'
import { rootRoute } from '../app/root.ts'

export const changes: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/changes',
      component: lazyRouteComponent(() => import('./changes-page.tsx'), 'ChangesPage'),
    }),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/changes/compare',
      component: lazyRouteComponent(() => import('./compare-page.tsx'), 'ComparePage'),
    }),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/changes/$revision',
      component: lazyRouteComponent(() => import('./revision-page.tsx'), 'RevisionPage'),
    }),
  ],
  nav: { to: '/changes', label: 'nav.changes', icon: IconHistory, key: 'c', order: 30 },
}
