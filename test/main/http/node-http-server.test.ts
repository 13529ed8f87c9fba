import { NodeHttpServer } from '../../../src/main/http/node-http-server.js'
import { httpSuite } from '../../support/http-suite.js'
import { serverSuite } from '../../support/server-suite.js'

httpSuite('node')
serverSuite(async (options) => new NodeHttpServer(options))
