import { loadUws } from '../../../src/main/http/load-uws.js'
import { UwsServer } from '../../../src/main/http/uws-server.js'
import { httpSuite } from '../../support/http-suite.js'
import { serverSuite } from '../../support/server-suite.js'

httpSuite('uws')
serverSuite(async (options) => new UwsServer(await loadUws(), options))
