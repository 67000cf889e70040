import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const root = fileURLToPath(new URL('.', import.meta.url))
const outDir = fileURLToPath(new URL('../dist/admin-ui/pages', import.meta.url))

/** `npm run ui:dev` asks the API of a control plane that runs beside. */
const api = process.env['MESHGATE_API'] ?? 'http://127.0.0.1:18080'

export default defineConfig({
  root,
  plugins: [singleIcons(), react(), compressed()],
  server: {
    host: '127.0.0.1',
    port: 18081,
    proxy: Object.fromEntries(
      ['/api', '/openapi.json', '/healthz', '/metrics'].map((path) => [path, { target: api, changeOrigin: true }]),
    ),
  },
  build: { outDir, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 800 },
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
