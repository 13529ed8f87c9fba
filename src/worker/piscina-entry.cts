type Entry = typeof import('./entry.js', { with: { 'resolution-mode': 'import' }})

/**
 * What Piscina loads in place of entry.js. It would `require` that, and a thread that is ended in the middle of linking
 * modules for `require` takes the process with it: "FATAL ERROR: v8::Module::IsGraphAsync" (Node 20.20). `import` does not.
 */
const loading: Promise<Entry> = import('./entry.js')

// Who serves is told.
loading.catch(() => {})

export = {
  async serve(task: Parameters<Entry['serve']>[0]): Promise<void> {
    const entry = await loading
    return entry.serve(task)
  },
}
