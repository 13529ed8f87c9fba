import { GrpcJsServer } from '../../../src/main/service/grpc-js-server.js'
import { serviceSuite } from '../../support/service-suite.js'

serviceSuite('services over grpc-js', (limits) => new GrpcJsServer(limits))
