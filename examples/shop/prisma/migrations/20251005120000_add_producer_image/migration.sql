-- AlterTable
ALTER TABLE "Producer" ADD COLUMN     "image" TEXT;
