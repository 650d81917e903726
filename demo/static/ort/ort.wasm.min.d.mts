// The build puts the runtime here.
export * from "onnxruntime-web";
