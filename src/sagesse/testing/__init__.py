"""What tests of Sagesse, and of things built on it, may use; docs/testing.md shows how.

- `server.Server`: a server in a process of its own, to talk to with unmodified clients, to kill and to start again.
- `clock.HandClock`: time turned by hand.
- Conformance suites, subclassed in a test module: `kind.KindSuite` over declared resources, `store.StoreSuite`,
  `job_engine.JobEngineConformance`, `serving_engine.ServingEngineSuite` (with the model of `serving_model`), and for
  object stores `object_store.ObjectStoreSuite`, `object_version.ObjectVersionSuite`, `object_seal.ObjectSealSuite`.
"""
