import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

const mesh: MantineColorsTuple = [
  '#e6f7f9',
  '#d3ecf0',
  '#a7d8e0',
  '#77c3cf',
  '#51b1c1',
  '#38a5b8',
  '#2390a5',
  '#0f6e84',
  '#0a5c6f',
  '#034a5a',
]

/** Blue-grey, so that surfaces and text belong to the colour of the mesh. */
const dark: MantineColorsTuple = [
  '#d5dbe0',
  '#b6bfc7',
  '#98a4ae',
  '#6c7a86',
  '#3d4955',
  '#2f3a45',
  '#222b34',
  '#182028',
  '#121920',
  '#0c1116',
]

/** One look for every page. Fonts are the system's: nothing is loaded. */
export const theme = createTheme({
  primaryColor: 'mesh',
  primaryShade: { light: 7, dark: 7 },
  colors: { mesh, dark },
  defaultRadius: 'md',
  respectReducedMotion: true,
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace',
  headings: {
    fontWeight: '640',
    sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.0625rem' }, h3: { fontSize: '0.95rem' } },
  },
  cursorType: 'pointer',
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 200, events: { hover: true, focus: true, touch: true } } },
    Table: { defaultProps: { verticalSpacing: 8 } },
    // What scrolls is reached with the keyboard.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
    // The focus goes to the first entry; a placeholder is no child a menu may have.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    // Long names break; in a row they would scroll, out of the keyboard's reach.
    Code: { styles: { root: { overflowWrap: 'anywhere' } } },
    Paper: { defaultProps: { radius: 'md' } },
    Badge: { defaultProps: { radius: 'sm', tt: 'none', fw: 550 } },
  },
})

/** Quiet text still has a contrast of 4.5 (https://www.w3.org/TR/WCAG21/#contrast-minimum) on every surface. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#55626e',
    '--mantine-color-placeholder': '#66727d',
    '--mantine-color-teal-light-color': '#05603f',
    '--mantine-color-green-light-color': '#1d5f2a',
    '--mantine-color-yellow-light-color': '#7a4f00',
    '--mantine-color-orange-light-color': '#933000',
    '--mantine-color-red-light-color': '#a61e1e',
    '--mantine-color-cyan-light-color': '#07535e',
    '--mantine-color-blue-light-color': '#12508f',
    '--mantine-color-gray-light-color': '#3d444b',
    '--mantine-color-error': '#b42318',
    '--mantine-color-red-text': '#b42318',
    '--mantine-color-orange-text': '#933000',
  },
  dark: {
    '--mantine-color-dimmed': '#a3aeb8',
    '--mantine-color-placeholder': '#98a4ae',
    '--mantine-color-anchor': '#77c3cf',
    // A page is read under it: a tint, no surface of its own.
    '--mantine-color-red-light': '#3a1d22',
    '--mantine-color-red-light-color': '#ffb3b3',
    '--mantine-color-error': '#ff9a9a',
    '--mantine-color-red-text': '#ff9a9a',
  },
})
