import uws from 'uWebSockets.js'

/** What uWebSockets.js costs by itself: answers of the sizes given, at `/<size>`, and nothing else. */
const app = uws.App()
for (const size of process.argv.slice(2)) {
  const body = Buffer.alloc(Number(size), 'x')
  app.get(`/${size}`, (res) => {
    res.end(body)
  })
}
app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) throw new Error('There is no port to listen on')
  process.stdout.write(`listens on 127.0.0.1:${uws.us_socket_local_port(socket as never)}\n`)
})
