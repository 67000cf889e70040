import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'

/** The editor of a rule. It is not in the navigation: one comes from the list of rules. */
export const editor: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/rules/$kind/$namespace/$name/edit',
      component: lazyRouteComponent(() => import('./rule-editor-page.tsx'), 'RuleEditorPage'),
    }),
  ],
}
