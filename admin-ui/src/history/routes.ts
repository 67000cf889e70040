import { IconHistory } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'

export const history: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/changes',
      component: lazyRouteComponent(() => import('./history-page.tsx'), 'HistoryPage'),
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
