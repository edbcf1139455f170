"""A PySpark script as for AWS: counts words of a CSV in S3, by key, into Parquet in S3."""

import argparse
import sys
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType
from spark_words_cleaning import clean

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments = parser.parse_args()

spark = SparkSession.builder.appName("Count words").getOrCreate()
rows = spark.read.csv(arguments.source, header=True, inferSchema=True)
cleaned = rows.withColumn("word", F.udf(clean, StringType())("word"))
counts = cleaned.groupBy("word").agg(F.count("*").alias("lines"), F.sum("size").alias("size"))
counts.coalesce(1).write.mode("overwrite").parquet(arguments.target)
back = spark.read.parquet(arguments.target.replace("s3://", "s3a://"))
print("total", back.agg(F.sum("size")).first()[0], "not a number", spark.sql("SELECT 1 / 0").first()[0])
print("zone", spark.conf.get("spark.sql.session.timeZone"), "files", sorted(p.name for p in Path().iterdir()))
print("loaded first", "pyspark" in sys.modules, file=sys.stderr)
Path("/opt/ml/processing/report/rows.txt").write_text(str(rows.count()))
