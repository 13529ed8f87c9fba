/** Version of Redis whose commands and words these are: clients decide by it what they may ask for. */
export const REDIS_VERSION = '7.2.0'
