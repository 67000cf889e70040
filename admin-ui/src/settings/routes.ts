import { IconSettings } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'

export const settings: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings',
      component: lazyRouteComponent(() => import('./settings-page.tsx'), 'SettingsPage'),
    }),
  ],
  nav: { to: '/settings', label: 'nav.settings', icon: IconSettings, key: 'x', order: 90 },
}
