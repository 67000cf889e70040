import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const root = fileURLToPath(new URL('.', import.meta.url))
const outDir = fileURLToPath(new URL('../dist/admin-ui/pages', import.meta.url))

const GLOBAL_STYLES = ['baseline', 'default-css-variables', 'global']

/** So many pages make what they use part of the first load. */
const SHARED_BY = 5

/** `npm run ui:dev` asks the API of a control plane that runs beside. */
const api = process.env['MESHGATE_API'] ?? 'http://127.0.0.1:18080'

// What is built is for people, whatever the shell or a test runner says: with another value the slow build of React is packed.
if (process.argv.includes('build')) process.env['NODE_ENV'] = 'production'

export default defineConfig({
  root,
  plugins: [singleIcons(), stylesByComponent(), react(), compressed()],
  server: {
    host: '127.0.0.1',
    port: 18081,
    proxy: Object.fromEntries(
      ['/api', '/openapi.json', '/healthz', '/metrics'].map((path) => [path, { target: api, changeOrigin: true }]),
    ),
  },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      // What most pages need comes in one file: a browser has six connections, and small files compress badly.
      output: { codeSplitting: { groups: [{ name: 'shared', minShareCount: SHARED_BY }] } },
    },
  },
})

/** Takes each icon from its own file: through the list of all 6,000 a build takes three times as long. */
function singleIcons(): Plugin {
  const list = /import \{([^}]+)\} from '@tabler\/icons-react'/g
  return {
    name: 'single-icons',
    enforce: 'pre',
    transform(code, id) {
      if (!id.includes('/admin-ui/src/') || !code.includes('@tabler/icons-react')) return undefined
      return code.replace(list, (_match, names: string) =>
        names
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '' && !name.startsWith('type '))
          .map((name) => `import ${name} from '@tabler/icons-react/dist/esm/icons/${name}.mjs';`)
          .join(' '),
      )
    },
  }
}

/**
 * The component kit has one sheet of styles for all it can do, and one for each component. A build takes those of the components
 * in use, each in the chunk that uses it; while one writes, the whole sheet is simpler.
 */
function stylesByComponent(): Plugin {
  let build = false
  return {
    name: 'styles-by-component',
    configResolved({ command }) {
      build = command === 'build'
    },
    transform(code, id) {
      if (id.endsWith('/admin-ui/src/main.tsx'))
        return (
          GLOBAL_STYLES.map((name) => `import '@mantine/core/${build ? `styles/${name}` : 'styles'}.css'\n`).join('') +
          code
        )
      const component = build ? /\/@mantine\/core\/esm\/.*\/(\w+)\.module\.mjs$/.exec(id)?.[1] : undefined
      return component === undefined ? undefined : `import '@mantine/core/styles/${component}.css'\n${code}`
    },
  }
}

/** Writes .br and .gz beside every text, so that the server compresses nothing while it serves. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle() {
      const files = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).map((file) => join(outDir, file))
      for (const file of files) {
        if (!/\.(js|css|html|svg)$/.test(file) || statSync(file).size < 1_024) continue
        const bytes = readFileSync(file)
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
        const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
        writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }))
      }
    },
  }
}
