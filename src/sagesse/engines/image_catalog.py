"""The images that AWS publishes and what runs them here, by repository name ("Docker registry paths" in its guide)."""

from sagesse.engines.image import Recipe

_TORCH_PRELOAD = ("numpy", "torch", "PIL")  # one set for all: each set is a process of its own
_DEEP = ("numpy", "torch", "PIL")

_XGBOOST = Recipe(
    "algorithm", "xgboost", preload=("numpy", "xgboost"), needs=("numpy", "xgboost"), extra="ml"
)
_TORCH = Recipe("script", "pytorch", preload=_TORCH_PRELOAD, needs=("torch",), extra="deep")
_SKLEARN = Recipe(
    "script", "scikit-learn", preload=("numpy", "pandas", "sklearn"), needs=("sklearn",), extra="sklearn"
)
_TRANSFORMERS = Recipe(
    "script",
    "huggingface-pytorch",
    preload=_TORCH_PRELOAD,
    needs=("torch", "transformers"),
    extra="huggingface",
)
_TENSORFLOW = Recipe("script", "tensorflow", needs=("tensorflow",), extra="tensorflow")
_TRANSFORMERS_ON_TENSORFLOW = Recipe(
    "script", "huggingface-tensorflow", needs=("tensorflow", "transformers"), extra="tensorflow,huggingface"
)
_MXNET = Recipe("script", "mxnet", needs=("mxnet",))  # no release of it runs on the Pythons we support
_AUTOGLUON = Recipe("script", "autogluon", needs=("autogluon.tabular",))
_SPARK = Recipe(
    "script",
    "spark",
    preload=(
        "numpy",
        "pandas",
        "pyarrow",
        "pyspark.sql.connect.session",
    ),  # not pysail: it reads its variables late
    needs=("pysail", "pyspark", "grpc"),
    extra="spark",
)

RECIPES: dict[str, Recipe] = {
    "image-classification": Recipe(
        "algorithm", "image-classification", preload=_TORCH_PRELOAD, needs=_DEEP, extra="deep"
    ),
    "xgboost": _XGBOOST,
    "sagemaker-xgboost": _XGBOOST,
    "pytorch-training": _TORCH,
    "pytorch-inference": _TORCH,
    "sagemaker-pytorch": _TORCH,  # what the images of PyTorch before 1.2, TensorFlow and MXNet were called
    "sagemaker-tensorflow-scriptmode": _TENSORFLOW,
    "sagemaker-mxnet": _MXNET,
    "sagemaker-scikit-learn": _SKLEARN,
    "huggingface-pytorch-training": _TRANSFORMERS,
    "huggingface-pytorch-inference": _TRANSFORMERS,
    "huggingface-tensorflow-training": _TRANSFORMERS_ON_TENSORFLOW,
    "huggingface-tensorflow-inference": _TRANSFORMERS_ON_TENSORFLOW,
    "tensorflow-training": _TENSORFLOW,
    "tensorflow-inference": _TENSORFLOW,
    "mxnet-training": _MXNET,
    "mxnet-inference": _MXNET,
    "autogluon-training": _AUTOGLUON,
    "autogluon-inference": _AUTOGLUON,
    "sagemaker-spark-processing": _SPARK,
    "sagemaker-base-python": Recipe("script", "python"),
}
