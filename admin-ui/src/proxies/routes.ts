import { IconServer2 } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'

export const proxies: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/proxies',
      component: lazyRouteComponent(() => import('./proxies-page.tsx'), 'ProxiesPage'),
    }),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/proxies/$node',
      component: lazyRouteComponent(() => import('./proxy-page.tsx'), 'ProxyPage'),
    }),
  ],
  nav: { to: '/proxies', label: 'nav.proxies', icon: IconServer2, key: 'p', order: 40 },
}
